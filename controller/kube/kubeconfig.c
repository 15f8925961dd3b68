/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/json_text.h"
#include "base/str.h"
#include "base/yaml.h"
#include "kube/kube_file.h"

#define FILE_LIMIT (4U << 20)
#define FILES_MAX 32

struct file {
    char *path;
    char *folder; /* "" when the path has none */
    char *json;
    struct span text;
};

struct kubeconfig {
    struct file files[FILES_MAX];
    size_t count;
};

/* A named cluster, context or user, and where it stands. */
struct entry {
    const struct file *file;
    const char *list; /* "clusters" */
    const char *name;
    struct span value;
};

struct kubeconfig *kubeconfig_new(void)
{
    return xcalloc(1, sizeof(struct kubeconfig));
}

void kubeconfig_free(struct kubeconfig *files)
{
    if (!files)
        return;
    for (size_t i = 0; i < files->count; i++) {
        free(files->files[i].path);
        free(files->files[i].folder);
        free(files->files[i].json);
    }
    free(files);
}

int kubeconfig_add_text(struct kubeconfig *files, const char *path, struct span text,
                        struct err *err)
{
    if (files->count == FILES_MAX)
        return err_set(err, ERR_INVALID, 0, "more than %d kubeconfig files", FILES_MAX);
    struct yaml_documents documents = {0};
    unsigned line = 0;
    if (yaml_read(text, &yaml_default_limits, &documents, &line, err) < 0) {
        yaml_documents_fini(&documents);
        return err_wrap(err, "%s:%u", path, line);
    }
    struct file *file = &files->files[files->count++];
    const char *slash = strrchr(path, '/');
    *file =
        (struct file){.path = xstrdup(path),
                      .folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup("")};
    if (documents.count) {
        size_t length = documents.items[0].length;
        file->json = xstrndup(documents.items[0].json, length);
        file->text = (struct span){file->json, length};
    }
    yaml_documents_fini(&documents);
    enum json_text_type type = json_text_type(file->text);
    if (type != JSON_TEXT_OBJECT && type != JSON_TEXT_NONE && type != JSON_TEXT_NULL)
        return err_set(err, ERR_INVALID, 0, "%s: no kubeconfig: a mapping is expected", path);
    return 0;
}

int kubeconfig_add_file(struct kubeconfig *files, const char *path, struct err *err)
{
    CLEANUP(freep) char *text = NULL;
    if (kube_file_read(path, FILE_LIMIT, &text, err) < 0)
        return -1;
    return kubeconfig_add_text(files, path, (struct span){text, strlen(text)}, err);
}

int kubeconfig_add_list(struct kubeconfig *files, const char *list, struct err *err)
{
    while (*list) {
        size_t length = strcspn(list, ":");
        CLEANUP(freep) char *path = xstrndup(list, length);
        list += length + (list[length] == ':');
        struct err why;
        if (!*path || kubeconfig_add_file(files, path, &why) == 0 || why.class == ERR_NOT_FOUND)
            continue;
        if (err)
            *err = why;
        return -1;
    }
    return 0;
}

/* Fields of an entry. All complain about values of the wrong type. */

static int field_fault(const struct entry *entry, const char *field, const char *what,
                       struct err *err)
{
    return err_set(err, ERR_INVALID, 0, "%s: %s \"%.100s\": %s: %s", entry->file->path, entry->list,
                   entry->name, field, what);
}

/* What goes into a header must not be able to end it. */
static int check_printable(const struct entry *entry, const char *field, const char *text,
                           struct err *err)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at < 0x20 || *at == 0x7f)
            return field_fault(entry, field, "holds a control character", err);
    }
    return 0;
}

/* NULL when absent or empty. */
static int read_text(const struct entry *entry, struct span object, const char *field,
                     char **ret_text, struct err *err)
{
    struct span value = json_text_member(object, field);
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL)
        return 0;
    if (type != JSON_TEXT_STRING)
        return field_fault(entry, field, "a string is expected", err);
    char *text = json_text_string(value);
    if (!*text) {
        free(text);
        return 0;
    }
    free(*ret_text);
    *ret_text = text;
    return check_printable(entry, field, text, err);
}

static int read_bool(const struct entry *entry, struct span object, const char *field,
                     bool *ret_value, struct err *err)
{
    struct span value = json_text_member(object, field);
    enum json_text_type type = json_text_type(value);
    if (type != JSON_TEXT_NONE && type != JSON_TEXT_NULL && type != JSON_TEXT_TRUE &&
        type != JSON_TEXT_FALSE)
        return field_fault(entry, field, "true or false is expected", err);
    *ret_value = json_text_bool(value, false);
    return 0;
}

/* A list of strings: NULL when absent or empty. */
static int read_texts(const struct entry *entry, struct span object, const char *field,
                      char ***ret_texts, struct err *err)
{
    struct span value = json_text_member(object, field);
    enum json_text_type type = json_text_type(value);
    if (type == JSON_TEXT_NONE || type == JSON_TEXT_NULL)
        return 0;
    if (type != JSON_TEXT_ARRAY)
        return field_fault(entry, field, "a list is expected", err);
    char **texts = NULL;
    size_t count = 0;
    size_t capacity = 0;
    struct json_text_iter iter = json_text_iterate(value);
    while (json_text_next(&iter)) {
        char *text = json_text_string(iter.value);
        texts = xgrow(texts, count + 1, &capacity, sizeof(*texts));
        texts[count] = text;
        texts[count + 1] = NULL;
        *ret_texts = texts;
        if (!text)
            return field_fault(entry, field, "a list of strings is expected", err);
        if (check_printable(entry, field, text, err) < 0)
            return -1;
        count++;
    }
    return 0;
}

/* A path, made absolute by the folder of its file. */
static int read_path(const struct entry *entry, struct span object, const char *field,
                     char **ret_path, struct err *err)
{
    if (read_text(entry, object, field, ret_path, err) < 0)
        return -1;
    if (*ret_path && **ret_path != '/') {
        char *absolute = xasprintf("%s%s", entry->file->folder, *ret_path);
        free(*ret_path);
        *ret_path = absolute;
    }
    return 0;
}

/* PEM in base64, or the path of a file; the first wins. */
static int read_pem(const struct entry *entry, const char *field, char **ret_pem, char **ret_file,
                    struct err *err)
{
    CLEANUP(freep) char *data_field = xasprintf("%s-data", field);
    CLEANUP(freep) char *data = NULL;
    if (read_text(entry, entry->value, data_field, &data, err) < 0)
        return -1;
    if (!data)
        return read_path(entry, entry->value, field, ret_file, err);
    CLEANUP(buf_fini) struct buf pem;
    buf_init(&pem, FILE_LIMIT);
    if (str_base64_decode(&pem, data, strlen(data), NULL) < 0 || pem.overflowed ||
        memchr(buf_text(&pem), '\0', pem.length))
        return field_fault(entry, data_field, "PEM in base64 is expected", err);
    *ret_pem = buf_take(&pem);
    return 0;
}

/* The first file that has an entry of this name wins. */
static int find_entry(const struct kubeconfig *files, const char *list, const char *member,
                      const char *name, struct entry *ret_entry, struct err *err)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct file *file = &files->files[i];
        struct json_text_iter iter = json_text_iterate(json_text_member(file->text, list));
        while (json_text_next(&iter)) {
            if (!json_text_is(json_text_member(iter.value, "name"), name))
                continue;
            *ret_entry = (struct entry){.file = file,
                                        .list = list,
                                        .name = name,
                                        .value = json_text_member(iter.value, member)};
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND, 0, "kubeconfig: no %s \"%.100s\" in %s", member, name,
                   files->count ? files->files[0].path : "any file");
}

static int read_cluster(const struct entry *entry, struct kube_config *config, struct err *err)
{
    struct span cluster = entry->value;
    if (read_text(entry, cluster, "server", &config->server, err) < 0 ||
        read_text(entry, cluster, "tls-server-name", &config->server_name, err) < 0 ||
        read_text(entry, cluster, "proxy-url", &config->proxy, err) < 0 ||
        read_bool(entry, cluster, "insecure-skip-tls-verify", &config->insecure, err) < 0 ||
        read_pem(entry, "certificate-authority", &config->ca_pem, &config->ca_file, err) < 0)
        return -1;
    if (!config->server || (strncasecmp(config->server, "https://", 8) != 0 &&
                            strncasecmp(config->server, "http://", 7) != 0))
        return field_fault(entry, "server", "an http or https URL is expected", err);
    size_t length = strlen(config->server);
    while (config->server[length - 1] == '/')
        config->server[--length] = '\0';
    if (config->insecure && (config->ca_pem || config->ca_file))
        return field_fault(entry, "insecure-skip-tls-verify",
                           "excludes certificate-authority: remove one of the two", err);
    if (config->proxy && !str_starts(config->proxy, "http://") &&
        !str_starts(config->proxy, "https://") && !str_starts(config->proxy, "socks5://"))
        return field_fault(entry, "proxy-url", "an http, https or socks5 URL is expected", err);
    return 0;
}

static int read_env(const struct entry *entry, struct span list, struct kube_exec *exec,
                    struct err *err)
{
    size_t count = 0;
    size_t capacity = 0;
    struct json_text_iter iter = json_text_iterate(list);
    while (json_text_next(&iter)) {
        CLEANUP(freep) char *name = json_text_string(json_text_member(iter.value, "name"));
        CLEANUP(freep) char *value = json_text_string(json_text_member(iter.value, "value"));
        if (!name || !value)
            return field_fault(entry, "exec.env", "names and values are expected", err);
        exec->env = xgrow(exec->env, count + 1, &capacity, sizeof(*exec->env));
        exec->env[count++] = xasprintf("%s=%s", name, value);
        exec->env[count] = NULL;
    }
    return 0;
}

/* The CA in base64, as the program wants it, also where the configuration names a file. */
static void add_ca(const struct kube_config *config, const char *separator, struct buf *info)
{
    CLEANUP(freep) char *pem = NULL;
    if (!config->ca_pem &&
        (!config->ca_file || kube_file_read(config->ca_file, FILE_LIMIT, &pem, NULL) < 0))
        return;
    const char *text = config->ca_pem ? config->ca_pem : pem;
    buf_add_format(info, "%s\"certificate-authority-data\":\"", separator);
    str_base64(info, text, strlen(text));
    buf_add_char(info, '"');
}

static void add_cluster(const struct entry *cluster, const struct kube_config *config,
                        struct buf *info)
{
    static const char *const fields[] = {"server", "tls-server-name", "insecure-skip-tls-verify",
                                         "proxy-url"};
    const char *separator = "";
    buf_add_text(info, ",\"cluster\":{");
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
        struct span value = json_text_member(cluster->value, fields[i]);
        if (!value.ptr)
            continue;
        buf_add_format(info, "%s\"%s\":", separator, fields[i]);
        buf_add(info, value.ptr, value.length);
        separator = ",";
    }
    add_ca(config, separator, info);
    buf_add_char(info, '}');
}

/* What the program is told: which version to speak, and the cluster where it asks for that. */
static char *exec_info(const struct entry *cluster, const struct kube_config *config,
                       bool with_cluster)
{
    CLEANUP(buf_fini) struct buf info;
    buf_init(&info, BUF_UNLIMITED);
    buf_add_text(&info, "{\"apiVersion\":");
    json_text_add_string(&info, config->exec->api_version);
    buf_add_text(&info, ",\"kind\":\"ExecCredential\",\"spec\":{\"interactive\":false");
    if (with_cluster)
        add_cluster(cluster, config, &info);
    buf_add_text(&info, "}}");
    return buf_take(&info);
}

static int read_exec(const struct entry *user, const struct entry *cluster,
                     struct kube_config *config, struct err *err)
{
    struct span value = json_text_member(user->value, "exec");
    if (json_text_type(value) != JSON_TEXT_OBJECT)
        return 0;
    struct kube_exec *exec = config->exec = xcalloc(1, sizeof(*exec));
    CLEANUP(freep) char *mode = NULL;
    bool with_cluster = false;
    if (read_text(user, value, "command", &exec->command, err) < 0 ||
        read_text(user, value, "apiVersion", &exec->api_version, err) < 0 ||
        read_text(user, value, "installHint", &exec->install_hint, err) < 0 ||
        read_text(user, value, "interactiveMode", &mode, err) < 0 ||
        read_bool(user, value, "provideClusterInfo", &with_cluster, err) < 0 ||
        read_texts(user, value, "args", &exec->args, err) < 0 ||
        read_env(user, json_text_member(value, "env"), exec, err) < 0)
        return -1;
    if (!exec->command)
        return field_fault(user, "exec.command", "missing", err);
    if (!exec->api_version ||
        (!str_equal(exec->api_version, "client.authentication.k8s.io/v1") &&
         !str_equal(exec->api_version, "client.authentication.k8s.io/v1beta1")))
        return field_fault(user, "exec.apiVersion",
                           "client.authentication.k8s.io/v1 or v1beta1 is expected: "
                           "update the tool that wrote the file",
                           err);
    if (str_equal(mode, "Always"))
        return field_fault(user, "exec.interactiveMode",
                           "needs a terminal, which is not there: use a token or a certificate",
                           err);
    if (strchr(exec->command, '/') && *exec->command != '/') {
        char *absolute = xasprintf("%s%s", user->file->folder, exec->command);
        free(exec->command);
        exec->command = absolute;
    }
    exec->info = exec_info(cluster, config, with_cluster);
    return 0;
}

static int read_extra(const struct entry *entry, struct kube_config *config, struct err *err)
{
    struct span map = json_text_member(entry->value, "as-user-extra");
    size_t count = 0;
    size_t capacity = 0;
    struct json_text_iter iter = json_text_iterate(map);
    while (json_text_next(&iter)) {
        config->as_extra = xgrow(config->as_extra, count + 1, &capacity, sizeof(*config->as_extra));
        config->as_extra[count] = (struct kube_extra){.key = json_text_string(iter.key)};
        config->as_extra[count + 1] = (struct kube_extra){0};
        struct kube_extra *extra = &config->as_extra[count++];
        if (!extra->key)
            return field_fault(entry, "as-user-extra", "a mapping is expected", err);
        if (check_printable(entry, "as-user-extra", extra->key, err) < 0 ||
            read_texts(entry, map, extra->key, &extra->values, err) < 0)
            return -1;
    }
    return 0;
}

/* What would be ambiguous is refused, as kubectl does. */
static int check_user(const struct entry *entry, struct kube_config *config, struct err *err)
{
    bool has_cert = config->cert_pem || config->cert_file;
    bool has_key = config->key_pem || config->key_file;
    bool has_token = config->token || config->token_file;
    if (has_cert != has_key)
        return field_fault(entry, has_cert ? "client-key" : "client-certificate",
                           "missing: a certificate needs its key", err);
    if (has_token && config->username)
        return field_fault(entry, "username", "excludes token: remove one of the two", err);
    if (json_text_type(json_text_member(entry->value, "auth-provider")) == JSON_TEXT_OBJECT)
        return field_fault(entry, "auth-provider",
                           "no longer exists in Kubernetes: use the provider's exec plugin", err);
    bool has_more = config->as_uid || config->as_groups || config->as_extra;
    if (has_more && !config->as)
        return field_fault(entry, "as", "missing: groups and extras need a user", err);
    /* A token that is written down makes the program needless. */
    if (has_token)
        kube_exec_free(TAKE(config->exec));
    return 0;
}

static int read_user(const struct entry *entry, const struct entry *cluster,
                     struct kube_config *config, struct err *err)
{
    struct span user = entry->value;
    if (read_pem(entry, "client-certificate", &config->cert_pem, &config->cert_file, err) < 0 ||
        read_pem(entry, "client-key", &config->key_pem, &config->key_file, err) < 0 ||
        read_text(entry, user, "token", &config->token, err) < 0 ||
        read_path(entry, user, "tokenFile", &config->token_file, err) < 0 ||
        read_text(entry, user, "username", &config->username, err) < 0 ||
        read_text(entry, user, "password", &config->password, err) < 0 ||
        read_text(entry, user, "as", &config->as, err) < 0 ||
        read_text(entry, user, "as-uid", &config->as_uid, err) < 0 ||
        read_texts(entry, user, "as-groups", &config->as_groups, err) < 0 ||
        read_extra(entry, config, err) < 0 || read_exec(entry, cluster, config, err) < 0)
        return -1;
    return check_user(entry, config, err);
}

/* The context that is named, or the current one of the first file that has one. */
static char *context_name(const struct kubeconfig *files, const char *context)
{
    if (context)
        return xstrdup(context);
    for (size_t i = 0; i < files->count; i++) {
        char *current = json_text_string(json_text_member(files->files[i].text, "current-context"));
        if (!str_is_empty(current))
            return current;
        free(current);
    }
    return NULL;
}

int kubeconfig_select(const struct kubeconfig *files, const char *context,
                      struct kube_config *config, struct err *err)
{
    if (!files->count)
        return err_set(err, ERR_NOT_FOUND, 0,
                       "no kubeconfig: not in a cluster, and neither --kubeconfig nor $KUBECONFIG "
                       "nor ~/.kube/config names a file that exists");
    CLEANUP(freep) char *name = context_name(files, context);
    if (!name)
        return err_set(err, ERR_NOT_FOUND, 0, "%s: has no current-context: name one by --context",
                       files->files[0].path);
    struct entry entry;
    CLEANUP(freep) char *cluster_name = NULL;
    CLEANUP(freep) char *user_name = NULL;
    if (find_entry(files, "contexts", "context", name, &entry, err) < 0 ||
        read_text(&entry, entry.value, "cluster", &cluster_name, err) < 0 ||
        read_text(&entry, entry.value, "user", &user_name, err) < 0 ||
        read_text(&entry, entry.value, "namespace", &config->ns, err) < 0)
        return -1;
    if (!config->ns)
        config->ns = xstrdup("default");
    struct entry cluster;
    if (find_entry(files, "clusters", "cluster", cluster_name ? cluster_name : "", &cluster, err) <
            0 ||
        read_cluster(&cluster, config, err) < 0)
        return -1;
    if (!user_name)
        return 0; /* anonymous */
    struct entry user;
    if (find_entry(files, "users", "user", user_name, &user, err) < 0)
        return -1;
    return read_user(&user, &cluster, config, err);
}
