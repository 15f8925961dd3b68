/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kube_auth.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "kube/kube_exec.h"
#include "kube/kube_file.h"

#define TOKEN_AGE_MS 50000
#define FILES_AGE_MS 300000
#define EXPIRY_LEEWAY_S 10
/* A plugin that failed, or whose credentials had run out when they came, is not run again at once,
 * however many requests want it. */
#define PLUGIN_PAUSE_MS 5000
#define TOKEN_LIMIT 65536
#define PEM_LIMIT (1U << 20)
#define NEVER INT64_MIN

struct kube_auth {
    struct loop *loop;
    const struct kube_config *config;
    kube_auth_settled_fn *settled;
    void *arg;
    struct kube_credentials *current; /* NULL: to be made from what follows */
    uint64_t generation;
    /* what has been read last; NULL: nothing yet, or not from there */
    char *token;
    char *ca;
    char *cert;
    char *key;
    int64_t token_read_at;
    int64_t files_read_at;
    bool complained; /* about a file, since it was last read well */
    struct kube_exec_run *run;
    struct kube_exec_left left;
    bool has_plugin_result;
    int64_t expires; /* of what the plugin gave; 0: never */
    int64_t plugin_gave_at;
    struct err plugin_error;
    int64_t plugin_failed_at;
};

struct kube_credentials *kube_credentials_ref(const struct kube_credentials *credentials)
{
    struct kube_credentials *counted = (struct kube_credentials *)(uintptr_t)credentials;
    counted->refs++;
    return counted;
}

void kube_credentials_unref(struct kube_credentials *credentials)
{
    if (!credentials || --credentials->refs)
        return;
    free(credentials->ca);
    free(credentials->cert);
    free(credentials->key);
    for (size_t i = 0; credentials->owned_headers[i]; i++)
        free(credentials->owned_headers[i]);
    free(credentials->owned_headers);
    free(credentials);
}

struct kube_auth *kube_auth_new(struct loop *loop, const struct kube_config *config,
                                kube_auth_settled_fn *settled, void *arg)
{
    struct kube_auth *auth = xcalloc(1, sizeof(*auth));
    *auth = (struct kube_auth){.loop = loop,
                               .config = config,
                               .settled = settled,
                               .arg = arg,
                               .token_read_at = NEVER,
                               .files_read_at = NEVER,
                               .plugin_gave_at = NEVER,
                               .plugin_failed_at = NEVER};
    return auth;
}

void kube_auth_free(struct kube_auth *auth)
{
    if (!auth)
        return;
    kube_exec_cancel(auth->run);
    kube_exec_left_fini(&auth->left);
    kube_credentials_unref(auth->current);
    free(auth->token);
    free(auth->ca);
    free(auth->cert);
    free(auth->key);
    free(auth);
}

static bool is_older(const struct kube_auth *auth, int64_t read_at, int64_t age_ms)
{
    return read_at == NEVER || loop_now(auth->loop) - read_at >= age_ms;
}

static void drop_current(struct kube_auth *auth)
{
    kube_credentials_unref(TAKE(auth->current));
}

/* Replaces a text when it is another one. */
static void set_text(struct kube_auth *auth, char **place, const char *text)
{
    if (str_equal(*place, text))
        return;
    free(*place);
    *place = text ? xstrdup(text) : NULL;
    drop_current(auth);
}

static void complain(struct kube_auth *auth, const struct err *err)
{
    if (!auth->complained)
        log_warn("credentials cannot be read again, the last ones stay", .err = err);
    auth->complained = true;
}

/* Headers end at a line feed: a token may not hold one. */
static int check_token(const char *path, const char *token, struct err *err)
{
    for (const unsigned char *at = (const unsigned char *)token; *at; at++) {
        if (*at < 0x20 || *at == 0x7f)
            return err_set(err, ERR_INVALID, 0, "%s: holds a control character", path);
    }
    return 0;
}

static int refresh_token(struct kube_auth *auth, struct err *err)
{
    const char *path = auth->config->token_file;
    if (!path || !is_older(auth, auth->token_read_at, TOKEN_AGE_MS))
        return 0;
    CLEANUP(freep) char *token = NULL;
    struct err why;
    if (kube_file_read_word(path, TOKEN_LIMIT, &token, &why) == 0 &&
        check_token(path, token, &why) == 0) {
        auth->token_read_at = loop_now(auth->loop);
        auth->complained = false;
        set_text(auth, &auth->token, token);
        return 0;
    }
    if (auth->token || auth->config->token) {
        complain(auth, &why);
        return 0;
    }
    if (err)
        *err = why;
    return -1;
}

static int read_pem(struct kube_auth *auth, const char *path, char **place, struct err *err)
{
    if (!path)
        return 0;
    CLEANUP(freep) char *pem = NULL;
    if (kube_file_read(path, PEM_LIMIT, &pem, err) < 0)
        return -1;
    if (!strstr(pem, "-----BEGIN "))
        return err_set(err, ERR_INVALID, 0, "%s: PEM is expected", path);
    set_text(auth, place, pem);
    return 0;
}

static int refresh_files(struct kube_auth *auth, struct err *err)
{
    const struct kube_config *config = auth->config;
    if (!is_older(auth, auth->files_read_at, FILES_AGE_MS))
        return 0;
    bool is_first = auth->files_read_at == NEVER;
    struct err why;
    if (read_pem(auth, config->ca_file, &auth->ca, &why) == 0 &&
        read_pem(auth, config->cert_file, &auth->cert, &why) == 0 &&
        read_pem(auth, config->key_file, &auth->key, &why) == 0) {
        auth->files_read_at = loop_now(auth->loop);
        auth->complained = false;
        return 0;
    }
    if (!is_first) {
        complain(auth, &why);
        return 0;
    }
    if (err)
        *err = why;
    return -1;
}

static void on_plugin(void *arg, const struct kube_exec_result *result, const struct err *err)
{
    struct kube_auth *auth = arg;
    auth->run = NULL;
    if (err) {
        auth->plugin_error = *err;
        auth->plugin_failed_at = loop_now(auth->loop);
        log_warn("no credentials from the plugin", .err = err);
    } else {
        auth->has_plugin_result = true;
        auth->expires = result->expires;
        auth->plugin_gave_at = loop_now(auth->loop);
        auth->plugin_failed_at = NEVER;
        set_text(auth, &auth->token, result->token);
        set_text(auth, &auth->cert, result->cert_pem);
        set_text(auth, &auth->key, result->key_pem);
    }
    auth->settled(auth->arg);
}

static enum kube_auth_state refresh_plugin(struct kube_auth *auth, struct err *err)
{
    if (!auth->config->exec)
        return KUBE_AUTH_READY;
    bool expired = auth->expires && loop_wall_time(auth->loop) >= auth->expires - EXPIRY_LEEWAY_S;
    /* What has run out when it comes (a clock is wrong) is for the server to judge. */
    bool is_new = !is_older(auth, auth->plugin_gave_at, PLUGIN_PAUSE_MS);
    if (auth->has_plugin_result && (!expired || is_new))
        return KUBE_AUTH_READY;
    if (auth->run)
        return KUBE_AUTH_WAIT;
    if (!is_older(auth, auth->plugin_failed_at, PLUGIN_PAUSE_MS)) {
        if (err)
            *err = auth->plugin_error;
        return KUBE_AUTH_FAILED;
    }
    auth->has_plugin_result = false;
    auth->run = kube_exec_start(auth->loop, auth->config->exec, &auth->left, on_plugin, auth);
    return KUBE_AUTH_WAIT;
}

/* A list of header lines that grows. */
struct lines {
    char **items;
    size_t count;
    size_t capacity;
};

static void add_line(struct lines *lines, char *line)
{
    lines->items = xgrow(lines->items, lines->count + 1, &lines->capacity, sizeof(*lines->items));
    lines->items[lines->count++] = line;
    lines->items[lines->count] = NULL;
}

static void add_authorization(const struct kube_auth *auth, struct lines *lines)
{
    const struct kube_config *config = auth->config;
    const char *token = auth->token ? auth->token : config->token;
    if (!str_is_empty(token)) {
        add_line(lines, xasprintf("Authorization: Bearer %s", token));
    } else if (config->username) {
        CLEANUP(freep)
        char *pair = xasprintf("%s:%s", config->username, config->password ? config->password : "");
        CLEANUP(buf_fini) struct buf coded;
        buf_init(&coded, BUF_UNLIMITED);
        str_base64(&coded, pair, strlen(pair));
        add_line(lines, xasprintf("Authorization: Basic %s", buf_text(&coded)));
    }
}

/* Keys of extras are part of a header's name: what may not stand there is percent-encoded, as
 * client-go does it. */
static char *extra_name(const char *key)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$&'*+-.^_`|~";
    struct buf name;
    buf_init(&name, BUF_UNLIMITED);
    buf_add_text(&name, "Impersonate-Extra-");
    for (; *key; key++) {
        char lower = *key >= 'A' && *key <= 'Z' ? (char)(*key | 0x20) : *key;
        if (strchr(plain, lower))
            buf_add_char(&name, lower);
        else
            buf_add_format(&name, "%%%02X", (unsigned)(unsigned char)*key);
    }
    return buf_take(&name);
}

static void add_impersonation(const struct kube_config *config, struct lines *lines)
{
    if (config->as)
        add_line(lines, xasprintf("Impersonate-User: %s", config->as));
    if (config->as_uid)
        add_line(lines, xasprintf("Impersonate-Uid: %s", config->as_uid));
    for (size_t i = 0; config->as_groups && config->as_groups[i]; i++)
        add_line(lines, xasprintf("Impersonate-Group: %s", config->as_groups[i]));
    for (size_t i = 0; config->as_extra && config->as_extra[i].key; i++) {
        const struct kube_extra *extra = &config->as_extra[i];
        CLEANUP(freep) char *name = extra_name(extra->key);
        for (size_t j = 0; extra->values && extra->values[j]; j++)
            add_line(lines, xasprintf("%s: %s", name, extra->values[j]));
    }
}

static char *copy_of(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static struct kube_credentials *make_credentials(struct kube_auth *auth)
{
    const struct kube_config *config = auth->config;
    struct lines lines = {0};
    add_authorization(auth, &lines);
    add_impersonation(config, &lines);
    if (!lines.items)
        lines.items = xcalloc(1, sizeof(*lines.items));
    struct kube_credentials *made = xcalloc(1, sizeof(*made));
    made->refs = 1;
    made->generation = ++auth->generation;
    made->ca = copy_of(auth->ca ? auth->ca : config->ca_pem);
    made->cert = copy_of(auth->cert ? auth->cert : config->cert_pem);
    made->key = copy_of(auth->key ? auth->key : config->key_pem);
    made->owned_headers = lines.items;
    made->headers = (const char *const *)lines.items;
    made->tls = (struct http_tls){.ca_pem = made->ca,
                                  .client_cert_pem = made->cert,
                                  .client_key_pem = made->key,
                                  .server_name = config->server_name,
                                  .insecure = config->insecure};
    return made;
}

enum kube_auth_state kube_auth_take(struct kube_auth *auth,
                                    struct kube_credentials **ret_credentials, struct err *err)
{
    enum kube_auth_state state = refresh_plugin(auth, err);
    if (state != KUBE_AUTH_READY)
        return state;
    if (refresh_token(auth, err) < 0 || refresh_files(auth, err) < 0)
        return KUBE_AUTH_FAILED;
    if (!auth->current)
        auth->current = make_credentials(auth);
    *ret_credentials = kube_credentials_ref(auth->current);
    return KUBE_AUTH_READY;
}

bool kube_auth_refused(struct kube_auth *auth, uint64_t generation)
{
    if (!auth->current || auth->current->generation != generation)
        return true;
    if (auth->config->exec) {
        auth->has_plugin_result = false;
        return true;
    }
    auth->token_read_at = NEVER;
    if (auth->files_read_at != NEVER)
        auth->files_read_at = loop_now(auth->loop) - FILES_AGE_MS;
    struct kube_credentials *now = NULL;
    bool changed =
        kube_auth_take(auth, &now, NULL) == KUBE_AUTH_READY && now->generation != generation;
    kube_credentials_unref(now);
    return changed;
}
