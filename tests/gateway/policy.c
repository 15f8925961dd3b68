/* SPDX-License-Identifier: Apache-2.0 */
#include "policy.h"

#include <stdlib.h>
#include <string.h>

#include "ipnet.h"
#include "mem.h"

/* More than this many requests in one window are not told apart. */
#define RATE_LIMIT 10000

struct addresses {
    char **items;
    size_t count;
};

struct policy {
    bool keyless;
    bool has_version;
    bool has_target;
    char *key_header;
    struct addresses allowed;
    struct addresses blocked;
    /* A window that slides: the times of the last `rate` requests, refused ones included. */
    size_t rate;
    int64_t per_ms;
    int64_t *times;
    size_t seen;
};

static void read_addresses(const struct doc *doc, const char *name, struct addresses *addresses)
{
    uint32_t list = doc_member(doc, 0, name);
    if (!doc_is(doc, list, DOC_ARRAY)) {
        return;
    }
    for (uint32_t i = list + 1; i < doc->nodes[list].next; i = doc->nodes[i].next) {
        addresses->items =
            mem_resized(addresses->items, addresses->count + 1, sizeof(*addresses->items));
        addresses->items[addresses->count++] = doc_string_copy(doc, i);
    }
}

static void addresses_fini(struct addresses *addresses)
{
    for (size_t i = 0; i < addresses->count; i++) {
        free(addresses->items[i]);
    }
    free(addresses->items);
}

static bool has_address(const struct addresses *addresses, const char *address)
{
    for (size_t i = 0; i < addresses->count; i++) {
        if (ipnet_has(addresses->items[i], address)) {
            return true;
        }
    }
    return false;
}

static void read_rate_limit(const struct doc *doc, struct policy *policy)
{
    uint32_t limit = doc_member(doc, 0, "global_rate_limit");
    double rate = doc_number(doc, doc_member(doc, limit, "rate"));
    double per = doc_number(doc, doc_member(doc, limit, "per"));
    bool off = doc_bool(doc, doc_member(doc, limit, "disabled")) ||
               doc_bool(doc, doc_member(doc, 0, "disable_rate_limit"));
    if (!off && rate >= 1 && rate <= RATE_LIMIT && per > 0) {
        policy->rate = (size_t)rate;
        policy->per_ms = (int64_t)(per * 1000);
        policy->times = mem_zeroed(policy->rate * sizeof(*policy->times));
    }
}

/* An API without versions answers nobody; a versioned one only with a default. */
static bool finds_version(const struct doc *doc)
{
    uint32_t data = doc_member(doc, 0, "version_data");
    uint32_t versions = doc_member(doc, data, "versions");
    bool some = doc_is(doc, versions, DOC_OBJECT) && doc->nodes[versions].next > versions + 1;
    char *standard = doc_string_copy(doc, doc_member(doc, data, "default_version"));
    bool has_default = *standard != '\0';
    free(standard);
    return some && (doc_bool(doc, doc_member(doc, data, "not_versioned")) || has_default);
}

struct policy *policy_new(struct doc *doc, const struct definition *definition)
{
    struct policy *policy = mem_zeroed(sizeof(*policy));
    doc_read_whole(doc, definition->classic.bytes, definition->classic.len);
    policy->keyless = doc_bool(doc, doc_member(doc, 0, "use_keyless"));
    policy->has_version = finds_version(doc);
    policy->has_target = *definition->target_url != '\0';
    policy->key_header = doc_string_copy(
        doc, doc_path(doc, 0, "auth_configs", "authToken", "auth_header_name", NULL));
    if (*policy->key_header == '\0') {
        free(policy->key_header);
        policy->key_header =
            doc_string_copy(doc, doc_path(doc, 0, "auth", "auth_header_name", NULL));
    }
    if (*policy->key_header == '\0') {
        free(policy->key_header);
        policy->key_header = mem_string("Authorization");
    }
    if (!doc_bool(doc, doc_member(doc, 0, "ip_access_control_disabled"))) {
        read_addresses(doc, "allowed_ips", &policy->allowed);
        read_addresses(doc, "blacklisted_ips", &policy->blocked);
    }
    read_rate_limit(doc, policy);
    return policy;
}

void policy_free(struct policy *policy)
{
    if (policy == NULL) {
        return;
    }
    addresses_fini(&policy->allowed);
    addresses_fini(&policy->blocked);
    free(policy->key_header);
    free(policy->times);
    free(policy);
}

const char *policy_key_header(const struct policy *policy)
{
    return policy->key_header;
}

/* The request that came `rate` requests ago must be out of the window. */
static bool is_over_rate(struct policy *policy, int64_t now_ms)
{
    if (policy->rate == 0) {
        return false;
    }
    int64_t *slot = &policy->times[policy->seen % policy->rate];
    bool over = policy->seen >= policy->rate && now_ms - *slot < policy->per_ms;
    *slot = now_ms;
    policy->seen++;
    return over;
}

enum policy_verdict policy_judge(struct policy *policy, const char *address, const char *key,
                                 int64_t now_ms)
{
    if ((policy->allowed.count > 0 && !has_address(&policy->allowed, address)) ||
        has_address(&policy->blocked, address)) {
        return POLICY_ADDRESS_REFUSED;
    }
    if (!policy->has_version) {
        return POLICY_NO_VERSION;
    }
    if (!policy->keyless) {
        return key == NULL || *key == '\0' ? POLICY_KEY_MISSING : POLICY_KEY_REFUSED;
    }
    if (is_over_rate(policy, now_ms)) {
        return POLICY_RATE_LIMIT;
    }
    return policy->has_target ? POLICY_PASS : POLICY_NO_TARGET;
}
