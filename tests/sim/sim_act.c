/* SPDX-License-Identifier: Apache-2.0 */
/* Users and the cluster. */
#include "sim/sim_act.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "sim/sim_act_private.h"
#include "sim/sim_make.h"
#include "sim/sim_oracle.h"
#include "sim/sim_truth.h"

/* ---- ApiDefinitions ---- */

static void put_api(struct sim *sim, const struct sim_step *step)
{
    const struct sim_recipe recipe = {.number = (unsigned)(step->salt % SIM_APIS),
                                      .salt = step->salt,
                                      .version = step->version,
                                      .scope = step->scope};
    json_t *config_map;
    json_t *api = sim_make_api(&recipe, &config_map);
    if (config_map)
        sim_apply_tree(sim, config_map);
    sim_apply_tree(sim, api);
}

static void delete_api(struct sim *sim, const struct sim_step *step)
{
    sim_delete(sim, OBJECT_API, sim_api_key((unsigned)(step->salt % SIM_APIS)));
}

/* A field that the operator must refuse comes, and goes with the end of the step. */
static void break_api(struct sim *sim, const struct sim_step *step, bool back)
{
    const char *key = sim_api_key((unsigned)(step->salt % SIM_APIS));
    const json_t *now = sim_get(sim, OBJECT_API, key);
    if (!now || sim_json_get(now, "spec", "oas", NULL) || sim_json_get(now, "spec", "oasRef", NULL))
        return;
    bool broken = sim_json_get(now, "spec", "client_certificate_refs", NULL) != NULL;
    /* One that was written to be refused stays so. */
    bool refused =
        strcmp(sim_json_text(now, "metadata", "annotations", "sim/invalid", NULL), "true") == 0;
    if (broken != back || (!back && refused))
        return;
    struct sim_result result;
    sim_store_patch(sim->store, SIM_USER, OBJECT_API, key,
                    sim_json_of(back ? "{'metadata':{'annotations':{'sim/invalid':null}},'spec':{"
                                       "'client_certificate_refs':null}}"
                                     : "{'metadata':{'annotations':{'sim/invalid':'true'}},'spec':{"
                                       "'client_certificate_refs':['x']}}"),
                    SIM_MERGE_PATCH, false, &result);
}

/* As from a backup of manifests: annotations stay, status, uid and finalizers do not. */
static void recreate_api(struct sim *sim, const struct sim_step *step)
{
    const char *key = sim_api_key((unsigned)(step->salt % SIM_APIS));
    const json_t *now = sim_get(sim, OBJECT_API, key);
    if (!now)
        return;
    json_t *again = json_deep_copy(now);
    json_object_del(again, "status");
    json_object_del(json_object_get(again, "metadata"), "finalizers");
    json_object_del(json_object_get(again, "metadata"), "resourceVersion");
    sim_strip_finalizers(sim, OBJECT_API, key);
    sim_delete(sim, OBJECT_API, key);
    sim_apply_tree(sim, again);
}

void sim_strip_finalizers(struct sim *sim, unsigned kind, const char *key)
{
    struct sim_result result;
    if (sim_get(sim, kind, key))
        sim_store_patch(sim->store, SIM_USER, kind, key,
                        sim_json_of("{'metadata':{'finalizers':null}}"), SIM_MERGE_PATCH, false,
                        &result);
}

/* Somebody else's finalizer comes, and goes with the end of the step. */
static void hold_api(struct sim *sim, const char *key, bool hold)
{
    const json_t *now = sim_get(sim, OBJECT_API, key);
    if (!now)
        return;
    const json_t *finalizers = sim_json_get(now, "metadata", "finalizers", NULL);
    json_t *kept = json_array();
    for (size_t i = 0; i < json_array_size(finalizers); i++) {
        if (strcmp(json_string_value(json_array_get(finalizers, i)), "else.example/hold") != 0)
            json_array_append(kept, json_array_get(finalizers, i));
    }
    if (hold)
        json_array_append_new(kept, json_string("else.example/hold"));
    json_t *patch = json_object();
    json_object_set_new(sim_json_object(patch, "metadata"), "finalizers", kept);
    struct sim_result result;
    sim_store_patch(sim->store, SIM_USER, OBJECT_API, key, patch, SIM_MERGE_PATCH, false, &result);
}

void sim_let_go(struct sim *sim)
{
    for (unsigned i = 0; i < SIM_APIS; i++)
        hold_api(sim, sim_api_key(i), false);
}

/* ---- Webhooks, Secrets, contexts, namespaces ---- */

static void put_webhook(struct sim *sim, const struct sim_step *step)
{
    sim_apply_tree(
        sim, sim_make_webhook((unsigned)(step->salt % SIM_WEBHOOKS), step->salt, step->version));
}

static void delete_webhook(struct sim *sim, const struct sim_step *step)
{
    sim_delete(sim, OBJECT_WEBHOOK, sim_webhook_key((unsigned)(step->salt % SIM_WEBHOOKS)));
}

static void permit(struct sim *sim, const struct sim_step *step)
{
    const char *key = sim_webhook_key((unsigned)(step->salt % SIM_WEBHOOKS));
    json_t *patch = json_object();
    struct sim_result result;
    json_object_set_new(sim_json_object(patch, "spec"), "allowedNamespaces",
                        sim_make_permission(step->salt));
    sim_store_patch(sim->store, SIM_USER, OBJECT_WEBHOOK, key, patch, SIM_MERGE_PATCH, false,
                    &result);
}

static void label_namespace(struct sim *sim, const struct sim_step *step)
{
    struct sim_result result;
    sim_store_patch(sim->store, SIM_USER, OBJECT_NAMESPACE, step->salt % 2 ? "a" : "b",
                    sim_json_of(step->salt % 4 < 2 ? "{'metadata':{'labels':{'team':'x'}}}"
                                                   : "{'metadata':{'labels':{'team':null}}}"),
                    SIM_MERGE_PATCH, false, &result);
}

/* ---- gateways, by others ---- */

struct sim_pod *sim_step_pod(struct sim *sim, const struct sim_step *step)
{
    enum sim_group group = step->salt % 3 == 0 ? SIM_EDGE : SIM_DEFAULT;
    struct sim_pod *pod = sim_pod_of(sim, group, (unsigned)(step->salt >> 8));
    return pod ? pod : sim_pod_of(sim, SIM_DEFAULT, (unsigned)(step->salt >> 8));
}

static void put_foreign(struct sim *sim, const struct sim_step *step)
{
    struct sim_pod *pod = sim_step_pod(sim, step);
    bool oas;
    const char *id;
    json_t *document = sim_make_foreign(step->salt, step->version, &oas, &id);
    if (!pod || !sim_gateway_is_up(pod->gateway)) {
        json_decref(document);
        return;
    }
    sim_oracle_foreign(sim->oracle, pod, id, document);
    sim_oracle_disturb(sim->oracle, pod);
    sim_gateway_put(pod->gateway, id, oas, document);
}

struct choice {
    unsigned number;
    unsigned at;
    char *id;
    bool oas;
    json_t *document;
};

static void choose(void *arg, const struct sim_definition *definition)
{
    struct choice *choice = arg;
    const json_t *marker = sim_marker(definition->document, definition->oas);
    bool ours = marker && strcmp(sim_json_text(marker, "cluster", NULL), "elsewhere") != 0;
    if (!ours || choice->at++ != choice->number)
        return;
    choice->id = xstrdup(definition->id);
    choice->oas = definition->oas;
    choice->document = json_deep_copy(definition->document);
}

/* Somebody with access to the gateway changes what we have pushed, or deletes it. */
static void meddle(struct sim *sim, const struct sim_step *step, bool drop)
{
    struct sim_pod *pod = sim_step_pod(sim, step);
    if (!pod || !sim_gateway_is_up(pod->gateway))
        return;
    struct choice choice = {.number = (unsigned)(step->salt >> 16) % 3};
    sim_gateway_each(pod->gateway, false, choose, &choice);
    if (!choice.id)
        return;
    sim_oracle_meddled(sim->oracle, pod, choice.id);
    if (drop) {
        sim_gateway_take(pod->gateway, choice.id);
        json_decref(choice.document);
    } else {
        if (choice.oas)
            json_object_set_new(
                sim_json_get(choice.document, "x-tyk-api-gateway", "server", "listenPath", NULL),
                "value", json_string("/edited/"));
        else
            json_object_set_new(sim_json_object(choice.document, "proxy"), "listen_path",
                                json_string("/edited/"));
        sim_gateway_put(pod->gateway, choice.id, choice.oas, choice.document);
    }
    free(choice.id);
}

static void flip_pod(struct sim *sim, struct sim_pod *pod, bool ready)
{
    if (!pod)
        return;
    pod->ready = ready;
    sim_oracle_disturb(sim->oracle, pod);
    sim_write_slices(sim, pod->group);
}

static void add_pod(struct sim *sim, const struct sim_step *step)
{
    enum sim_group group = step->salt % 3 == 0 ? SIM_EDGE : SIM_DEFAULT;
    if (sim->options.fixed && group == SIM_DEFAULT)
        return;
    if (sim_add_pod(sim, group))
        sim_write_slices(sim, group);
}

static void remove_pod(struct sim *sim, const struct sim_step *step)
{
    struct sim_pod *pod = sim_step_pod(sim, step);
    if (pod && !(sim->options.fixed && pod->group == SIM_DEFAULT) &&
        sim_pod_of(sim, pod->group, 0) != sim_pod_of(sim, pod->group, 1))
        sim_remove_pod(sim, pod);
}

/* ---- the cluster ---- */

/* What has to go before `kind` (a namespace or a CRD) itself may. Returns false: nothing is left.
 */
static bool sweep_one(struct sim *sim, unsigned kind, const char *name)
{
    bool is_waiting = false;
    for (unsigned k = 0; k < SIM_KIND_COUNT; k++) {
        bool concerned = kind == OBJECT_NAMESPACE ? sim_resource_of(k)->namespaced
                                                  : str_equal(sim_resource_of(k)->crd, name);
        size_t count;
        CLEANUP(freep) const struct sim_object **all = sim_store_all(sim->store, k, &count);
        for (size_t i = 0; concerned && i < count; i++) {
            if (kind == OBJECT_NAMESPACE && strcmp(all[i]->ns, name) != 0)
                continue;
            is_waiting = true;
            if (all[i]->deleting)
                continue;
            struct sim_result result;
            CLEANUP(freep) char *key = xstrdup(all[i]->key);
            sim_store_delete(sim->store, SIM_CLUSTER, k, key, NULL, &result);
            return true;
        }
    }
    return is_waiting;
}

struct sweep {
    struct sim *sim;
    unsigned kind;
    const char *name;
};

static void on_sweep(void *arg)
{
    struct sweep *sweep = arg;
    struct sim *sim = sweep->sim;
    const struct sim_object *object = sim_store_get(sim->store, sweep->kind, sweep->name);
    if (!object || !object->deleting) {
        free(sweep);
        return;
    }
    if (!sweep_one(sim, sweep->kind, sweep->name))
        sim_strip_finalizers(sim, sweep->kind, sweep->name);
    sim_after(sim->time, 150000, on_sweep, free, sweep);
}

void sim_delete_with_content(struct sim *sim, unsigned kind, const char *name)
{
    const struct sim_object *object = sim_store_get(sim->store, kind, name);
    if (!object || object->deleting)
        return;
    sim_delete(sim, kind, name);
    struct sweep *sweep = xcalloc(1, sizeof(*sweep));
    *sweep = (struct sweep){sim, kind, name};
    sim_after(sim->time, 150000, on_sweep, free, sweep);
}

static void restore(struct sim *sim, const struct sim_step *step)
{
    if (!sim->backup)
        return;
    /* Without a bump of the versions only the lease can tell, where there is one: who leads has
     * renewed it since the backup, as no restore is done within two seconds. */
    const struct sim_object *now = sim_store_get(sim->store, OBJECT_LEASE, "grapnel/grapnel");
    const struct sim_object *then = sim_backup_get(sim->backup, OBJECT_LEASE, "grapnel/grapnel");
    bool renewed = now && then && now->revision > then->revision;
    bool bump = !sim->options.elect || !renewed || (step->salt >> 40) % 2;
    sim_store_restore(sim->store, sim->backup, bump);
    sim_api_restored(sim->api);
    sim_oracle_restored(sim->oracle);
    /* What runs now is what runs now: the cluster's own controllers say so at once. */
    for (unsigned group = 0; group < SIM_GROUPS; group++)
        sim_write_slices(sim, (enum sim_group)group);
}

static void back_up(struct sim *sim)
{
    sim_backup_free(sim->backup);
    sim->backup = sim_store_back_up(sim->store);
    for (size_t i = 0; i < sim->pod_count; i++)
        sim_gateway_back_up(sim->pods[i].gateway);
}

static const char crd[] = "webhooks.tyk.tyk.io";

static void delete_crd(struct sim *sim)
{
    sim_oracle_ignore_deletions(sim->oracle, OBJECT_WEBHOOK, true);
    sim_delete_with_content(sim, OBJECT_CRD, crd);
}

void sim_install_crd(struct sim *sim)
{
    const struct sim_object *object = sim_store_get(sim->store, OBJECT_CRD, crd);
    bool is_there = object && !object->deleting;
    if (object && object->deleting) {
        while (sweep_one(sim, OBJECT_CRD, crd))
            ;
        sim_strip_finalizers(sim, OBJECT_CRD, crd);
    }
    if (!is_there)
        sim_apply(sim,
                  "{'kind':'CustomResourceDefinition','metadata':{'name':'webhooks.tyk.tyk.io',"
                  "'finalizers':['sim/cluster']},'spec':{}}");
    sim_oracle_ignore_deletions(sim->oracle, OBJECT_WEBHOOK, false);
}

/* NOLINTNEXTLINE(readability-function-size): one case a step */
void sim_act_begin(struct sim *sim, const struct sim_step *step)
{
    unsigned number = (unsigned)(step->salt >> 20);
    switch ((int)step->action) {
    case SIM_PUT_API:
        put_api(sim, step);
        break;
    case SIM_DELETE_API:
        delete_api(sim, step);
        break;
    case SIM_BREAK_API:
        break_api(sim, step, false);
        break;
    case SIM_PUT_WEBHOOK:
        put_webhook(sim, step);
        break;
    case SIM_DELETE_WEBHOOK:
        delete_webhook(sim, step);
        break;
    case SIM_REPLACE_WEBHOOK:
        delete_webhook(sim, step);
        put_webhook(sim, step);
        break;
    case SIM_PERMIT:
        permit(sim, step);
        break;
    case SIM_PUT_SECRET:
        sim_apply_tree(sim, sim_make_secret(number, step->salt));
        break;
    case SIM_DELETE_SECRET:
        sim_delete(sim, OBJECT_SECRET, sim_secret_key(number));
        break;
    case SIM_PUT_CONTEXT:
        sim_apply_tree(sim, sim_make_context(number, step->salt));
        break;
    case SIM_DELETE_CONTEXT:
        sim_delete(sim, OBJECT_CONTEXT, sim_context_key(number));
        break;
    case SIM_LABEL_NAMESPACE:
        label_namespace(sim, step);
        break;
    case SIM_STRIP_FINALIZERS:
        sim_strip_finalizers(sim, OBJECT_API, sim_api_key((unsigned)(step->salt % SIM_APIS)));
        break;
    case SIM_HOLD_API:
        hold_api(sim, sim_api_key((unsigned)(step->salt % SIM_APIS)), true);
        break;
    case SIM_RECREATE_API:
        recreate_api(sim, step);
        break;
    case SIM_FOREIGN:
        put_foreign(sim, step);
        break;
    case SIM_EDIT_DEFINITION:
        meddle(sim, step, false);
        break;
    case SIM_DROP_DEFINITION:
        meddle(sim, step, true);
        break;
    case SIM_ADD_POD:
        add_pod(sim, step);
        break;
    case SIM_REMOVE_POD:
        remove_pod(sim, step);
        break;
    case SIM_FLIP_POD:
        flip_pod(sim, sim_step_pod(sim, step), false);
        break;
    case SIM_DELETE_NAMESPACE:
        sim_delete_with_content(sim, OBJECT_NAMESPACE, "b");
        break;
    case SIM_CYCLE_CRD:
        delete_crd(sim);
        break;
    case SIM_BACK_UP:
        back_up(sim);
        break;
    case SIM_RESTORE:
        restore(sim, step);
        break;
    default:
        break;
    }
}

void sim_act_end(struct sim *sim, const struct sim_step *step, struct sim_pod *pod)
{
    switch ((int)step->action) {
    case SIM_BREAK_API:
        break_api(sim, step, true);
        break;
    case SIM_HOLD_API:
        hold_api(sim, sim_api_key((unsigned)(step->salt % SIM_APIS)), false);
        break;
    case SIM_FLIP_POD:
        flip_pod(sim, pod, true);
        break;
    case SIM_CYCLE_CRD:
        sim_install_crd(sim);
        break;
    default:
        break;
    }
}
