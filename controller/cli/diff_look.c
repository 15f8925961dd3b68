/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateways hold: may it be read, then the Classic list, then the OAS list where there is
 * anything for it. */
#include <stdlib.h>
#include <string.h>

#include "base/json_text.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/diff.h"
#include "core/definition.h"
#include "net/loop.h"

static void on_ready(void *arg, const struct gateway_answer *answer);    /* 1 */
static void send_list(struct diff_gateway *gateway);                     /* 2, once a family */
static void on_item(void *arg, struct span item);                        /* 3 */
static void on_list(void *arg, const struct gateway_answer *answer);     /* 4 */
static void finish(struct diff_gateway *gateway, const struct err *err); /* the only way out */

void diff_found_fini(struct diff_found *found)
{
    marker_fini(&found->marker);
    free(found->api_id);
    free(found->name);
    free(found->text);
}

static void forget_found(struct diff_gateway *gateway)
{
    for (size_t i = 0; i < gateway->found_count; i++)
        diff_found_fini(&gateway->found[i]);
    gateway->found_count = 0;
}

static void finish(struct diff_gateway *gateway, const struct err *err)
{
    struct diff *diff = gateway->diff;
    if (err) {
        forget_found(gateway);
        gateway->error = xasprintf(
            "%s%s", err->msg,
            gateway_refuses_secret(err)
                ? ": it refuses the secret (TYK_AUTH, --gateway-secret-file or the Secret of the "
                  "OperatorContext must hold the secret of its own configuration)"
                : "");
    }
    if (--diff->looking == 0)
        loop_stop(diff->loop);
}

static void on_ready(void *arg, const struct gateway_answer *answer)
{
    struct diff_gateway *gateway = arg;
    gateway->call = NULL;
    struct err err;
    /* 404: a gateway too old to know /ready. */
    if (answer->status == 503) {
        (void)err_set(&err, ERR_TRANSIENT, 503,
                      "it is not ready: what it shows is not what it holds");
        finish(gateway, &err);
    } else if (answer->err && answer->status != 404) {
        finish(gateway, answer->err);
    } else {
        send_list(gateway);
    }
}

static void send_list(struct diff_gateway *gateway)
{
    gateway->call = gateway_list(gateway->client, gateway->form, on_item, on_list, gateway);
}

/* Without a cluster, any cluster's definitions of the owner count. */
static enum plan_found whose(const struct diff *diff, struct span value, struct marker *ret_marker)
{
    if (json_text_type(value) == JSON_TEXT_NONE)
        return PLAN_UNMARKED;
    if (!marker_read(value, ret_marker))
        return PLAN_OTHERS;
    bool is_ours = str_equal(ret_marker->owner, diff->options->owner) &&
                   (!diff->cluster || str_equal(ret_marker->cluster, diff->cluster));
    return is_ours ? PLAN_OURS : PLAN_OTHERS;
}

/* Would a run leave the definition as it is, as far as its marker tells? */
static bool is_same(const struct diff *diff, const struct diff_want *want,
                    const struct marker *marker)
{
    const struct object *object = want->api->object;
    /* Manifests have no uid; a folder's objects bear their key in its place. */
    bool uid_is_known = diff->options->state_dir || strcmp(object->uid, object->key) != 0;
    return strcmp(marker->hash, want->hash) == 0 && strcmp(marker->api, object->key) == 0 &&
           strcmp(marker->context, want->context->name) == 0 && marker->retain == want->retain &&
           (!uid_is_known || strcmp(marker->uid, object->uid) == 0);
}

static void compare_found(const struct diff_gateway *gateway, const struct definition *definition,
                          struct diff_found *found)
{
    const struct diff_want *want = strmap_get(gateway->ids, found->api_id);
    if (!want)
        return;
    const struct api_facts *facts = &want->api->resolution.facts;
    found->is_same = found->whose == PLAN_OURS && is_same(gateway->diff, want, &found->marker);
    if (found->is_same)
        found->form = plan_compare(definition, found->api_id,
                                   facts->listen_path ? facts->listen_path : "", facts->target);
    if (!found->is_same || found->form != PLAN_FORM_GOOD)
        found->text = xstrndup(definition->text.ptr, definition->text.length);
}

/* The listen path of somebody else's definition, and the one that it would claim after the
 * gateway's next start where it has been renamed. */
static void read_claims(const struct definition *definition, struct diff_found *found)
{
    CLEANUP(freep) char *path = json_text_string(definition->listen_path);
    CLEANUP(freep) char *domain = json_text_string(definition->domain);
    if (str_is_empty(path))
        return;
    found->claims[0] = listen_path_claim(path, domain ? domain : "");
    CLEANUP(freep) char *before = listen_path_before_rename(path, found->api_id);
    if (before)
        found->claims[1] = listen_path_claim(before, domain ? domain : "");
}

static void on_item(void *arg, struct span item)
{
    struct diff_gateway *gateway = arg;
    struct definition definition;
    definition_read(item, gateway->form, &definition);
    /* It comes again in its own form, with its marker. */
    if (gateway->form == API_CLASSIC && definition.is_oas) {
        gateway->has_oas = true;
        return;
    }
    char *api_id = json_text_string(definition.api_id);
    if (str_is_empty(api_id)) {
        free(api_id);
        return;
    }
    gateway->found = xgrow(gateway->found, gateway->found_count, &gateway->found_capacity,
                           sizeof(*gateway->found));
    struct diff_found *found = &gateway->found[gateway->found_count++];
    *found = (struct diff_found){.api_id = api_id, .is_oas = definition.is_oas};
    found->whose = whose(gateway->diff, definition.marker, &found->marker);
    found->name = json_text_string(definition.is_oas ? json_text_get(item, "info", "title", NULL)
                                                     : json_text_member(item, "name"));
    if (found->whose != PLAN_OURS)
        read_claims(&definition, found);
    compare_found(gateway, &definition, found);
}

static void on_list(void *arg, const struct gateway_answer *answer)
{
    struct diff_gateway *gateway = arg;
    gateway->call = NULL;
    if (!answer->err && gateway->form == API_CLASSIC && gateway->has_oas) {
        gateway->form = API_OAS;
        send_list(gateway);
        return;
    }
    /* The gateway's handlers now and then drop a connection. */
    bool again = answer->err && answer->err->class == ERR_TRANSIENT && !gateway->was_repeated &&
                 (!answer->status || answer->status / 100 == 2);
    if (again) {
        gateway->was_repeated = true;
        gateway->has_oas = false;
        gateway->form = API_CLASSIC;
        forget_found(gateway);
        send_list(gateway);
        return;
    }
    finish(gateway, answer->err);
}

void diff_look(struct diff *diff)
{
    for (struct strmap_entry *e = strmap_first(diff->gateways); e; e = strmap_next(e)) {
        struct diff_gateway *gateway = strmap_entry_value(e);
        gateway->client = gateway_client_new(diff->loop, diff->http, gateway->url, gateway->id);
        (void)gateway_client_set_access(gateway->client, gateway->access);
        gateway->form = API_CLASSIC;
        gateway->call = gateway_ready(gateway->client, on_ready, gateway);
        diff->looking++;
    }
    if (diff->looking)
        loop_run(diff->loop);
}
