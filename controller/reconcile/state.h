/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the files of this folder share. Nothing outside includes it. */

#include "base/digest.h"
#include "base/strmap.h"
#include "core/absence.h"
#include "core/claims.h"
#include "core/context.h"
#include "core/context_place.h"
#include "core/index.h"
#include "core/pace.h"
#include "core/usage.h"
#include "core/workqueue.h"
#include "reconcile/documents.h"
#include "reconcile/informer.h"
#include "reconcile/reconciler.h"

/* Keys of the work queue: the kind's letter, a blank, the object's key. */
#define WORK_API "a "
#define WORK_WEBHOOK "w "
#define WORK_CONTEXT "c "

/* While so many keys wait for a write, further statuses are not even built: with thousands of APIs
 * those would be most of the memory. */
#define WRITES_MAX 256

#define GATEWAY_FINALIZER "grapnel.dev/gateway"

/* For as long what cannot be read may hold up what needs to know of all. */
#define UNREAD_MS INT64_C(60000)

/* Events that are told once the status that they belong to is written. */
#define PENDING_EVENTS_MAX 8
struct pending_event {
    enum event_type type;
    const char *reason;
    char *note;
};

/* How long the status waits for gateways that are just busy: most pushes are over by then. */
#define PENDING_QUIET_MS 2000

/* The conflict that the last write has met. */
struct conflict {
    int64_t since_ms;
    char version[]; /* that is known of the object */
};

/* That the object is larger than the store takes with what was to be written into it. */
struct oversize {
    size_t copies;         /* bytes of those that were too much */
    int64_t mute_until_ms; /* not even that can be written; 0: it can */
};

/* What is remembered of an ApiDefinition between two looks at it: there is one for each, so its
 * members are ordered for size. */
struct api_state {
    struct reconciler *reconciler;
    char *work_key;
    const char *key; /* within work_key */
    struct index_edge *edges;
    const char *uid; /* whose state this is: `key`, or owned; NULL until it is looked at */

    /* What the gateways are to hold was made of these: pinned, so that refills go on from them
     * whatever happens to the object. NULL until something was accepted. */
    struct object *api;
    struct object *config_map;
    struct accepted *accepted;
    char *context; /* NULL is the default one */
    struct digest digest;
    struct document *document; /* built of them; NULL: not at hand */

    struct store_call *call;      /* a write in flight */
    struct conflict *conflict;    /* NULL: none */
    int64_t looked_us;            /* when the look began that it belongs to */
    struct pending_event *events; /* room for PENDING_EVENTS_MAX; NULL: none is to be told */
    uint8_t event_count;

    bool wanted : 1;   /* the gateways are to hold what is pinned */
    bool is_new : 1;   /* it had no status when it was first seen, and is not wanted anywhere yet */
    bool judged : 1;   /* it has been looked at */
    bool leaving : 1;  /* gateways were told to drop it */
    bool retained : 1; /* they are not to, by what it said when it was last looked at */
    bool ready : 1;
    bool stalled : 1;
    bool by_user : 1;          /* what changed last was changed by somebody, not by our start */
    bool rewrite_refused : 1;  /* told once */
    bool rewriting : 1;        /* the write in flight is a rewrite */
    bool annotating : 1;       /* the write in flight is that of the annotation */
    bool concluding : 1;       /* the write in flight leaves nothing to do */
    bool no_annotation : 1;    /* it is too much by itself; the status has it all */
    uint32_t copies_size;      /* bytes of the copies at the last look */
    struct oversize *oversize; /* until its content changes or its copies become less; NULL: none */
    uint32_t handlers[REF_SOURCE_COUNT];
    unsigned edition; /* of the context, as which it was used */
    int64_t first_seen_ms;
    int64_t wanted_ms;            /* when gateways were last told of it */
    int64_t leaves_ms;            /* since when it is to be left behind; 0: it is not */
    struct pace pace;             /* how fast the status follows the gateways */
    int64_t converted_ms;         /* when the first converted reference was seen; 0: none */
    struct strmap *rewritten;     /* references that were rewritten: not again; NULL: none */
    struct absence_log *absences; /* globals that are gone, or permit no more; NULL: none */
    uint64_t flaws;               /* that were told, see flaws_tell() */
};

/* A group of gateways as the reconciler knows it. */
struct context_state {
    struct context context;     /* of an OperatorContext; empty for the default context */
    struct context_place place; /* likewise */
    struct gateway_abilities abilities;
    struct digest digest; /* of what documents depend on */
    unsigned edition;     /* another one for each digest, of all contexts; 0: the default context */
    unsigned edition_told; /* to its users */
    bool known;            /* all that it names has been read, there or not */
    int64_t busy_ms;       /* since when gateways that were in step are busy; 0: they are not */
    char *service;         /* that is followed; NULL: none */
};

/* What is remembered of a Webhook or context: what it depends on, and its write in flight. */
struct object_state {
    struct reconciler *reconciler;
    char *work_key;
    struct index_edge *edges;
    struct store_call *call;
    struct conflict *conflict; /* NULL: none */
    int64_t looked_us;
    int64_t looked_ms;
    int64_t written_ms;
    uint64_t flaws; /* that were told, see flaws_tell() */
};

struct reconciler {
    struct loop *loop;
    struct object_store *store; /* NULL: this is a standby */
    struct gateways *gateways;  /* likewise */
    struct informer *informer;
    struct reconciler_options options;
    struct default_context default_context;

    struct workqueue *queue;
    struct loop_timer *timer; /* the queue's next due */
    struct index *index;      /* tokens → work keys; the edges are with the states */
    struct claims *claims;
    struct usage *usage;

    struct strmap *apis;     /* key → struct api_state */
    struct strmap *contexts; /* key → struct context_state; "" is the default */
    unsigned editions;       /* of contexts, so far */
    struct strmap *others;   /* work key of a Webhook or context → struct object_state */
    struct object **backlog; /* at the start, what was there and is not queued yet: from … */
    size_t backlog_next;     /* … this one on, in `queue` for lack of anything else to do */
    size_t backlog_count;
    size_t unjudged;          /* APIs that are there and have not been looked at since then */
    bool complete;            /* caches are complete */
    bool active;              /* … and we lead; only then anything is decided */
    size_t unprogrammed;      /* APIs that may have been written to gateways without a reload */
    bool unsettled;           /* at the start, there were such */
    bool gateways_complete;   /* the gateways know all that is wanted */
    bool webhooks_lost;       /* not just out of reach: not served, or not permitted */
    int64_t webhooks_since;   /* since when absence of a Webhook proves something: loop time */
    struct strmap *doubtful;  /* keys of APIs that wait until absence proves something again */
    struct strmap *held_back; /* keys of APIs whose statuses wait for writes to end */
    struct strmap *awaited; /* work keys whose next look may change something: nothing is settled */
    struct strmap *deletions; /* Webhooks deleted lately: key → int64_t loop time */
    struct strmap *idle;      /* tokens of what is followed for nobody: → int64_t since when */
    struct loop_timer *tidy;  /* armed while there is either */
    struct documents documents;
    struct reconciler_counts counts;
    struct look_figures figures[LOOK_KIND_COUNT]; /* by place in work_letters; without `queue` */
    int64_t hastened_ms;                          /* what waited for the store was tried again */
    int64_t look_began_us;                        /* of the look at hand */
    const char *looked_at;                        /* its work key; NULL: none is at hand */
    bool look_comes_back;                         /* it has asked for another one later */
};

/* api_flow.c */
/* Registers what the API claims (`api` NULL: nothing any more). */
void api_claim(struct reconciler *reconciler, const char *key, const struct object *api);

/* reconciler.c */
void reconciler_touch(struct reconciler *reconciler, const char *prefix, const char *key);
/* Looks at an object (once more) later. */
void reconciler_touch_after(struct reconciler *reconciler, const char *prefix, const char *key,
                            int64_t delay_ms);
/* The same at the end of a grace or delay, when the look may change something: until the object is
 * looked at, nothing is settled. */
void reconciler_await(struct reconciler *reconciler, const char *work_key, int64_t delay_ms);
/* Touches the dependents of "secret ns/name" and the like. */
void reconciler_touch_token(struct reconciler *reconciler, const char *token);
/* Arranges that the queue is looked at when its next key is due. */
void reconciler_schedule(struct reconciler *reconciler);
/* The write that a look has ended with is answered. */
void reconciler_write_ended(struct reconciler *reconciler, const char *work_key, int64_t looked_us,
                            const struct err *err);
const struct cache *reconciler_cache(const struct reconciler *reconciler);

/* api_flow.c */
/* Looks at an API and does the next step. True: a write is in flight, its end goes on. */
bool api_reconcile(struct reconciler *reconciler, const char *key);
void api_state_free(void *value);
struct bytes *api_document(void *arg, const char *api, const struct digest *digest);
void api_happened(void *arg, const char *api, bool warning, const char *reason, const char *note);

/* api_report.c */
/* Which generation the status speaks of; -1: none has been written yet. */
int64_t api_reported_generation(const struct object *api);
/* Has a status ever been written? */
bool api_was_reported(const struct object *api);

/* api_write.c */
/* Events wait for the write that they belong to and are dropped if it fails. */
void api_add_event(struct api_state *state, enum event_type type, const char *reason,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));
void api_write_status(struct api_state *state, const struct object *api, const struct buf *status);
void api_drop_events(struct api_state *state);
void api_tell_events(struct api_state *state, const struct object *object);
void api_change(struct api_state *state, const struct object *api,
                const struct object_change *change);

/* The API depends on nothing and uses nothing any more. */
void api_release(struct reconciler *reconciler, struct api_state *state);

/* api_leave.c */
/* Returns owned: the context in which the API stands, by its status, else by its spec; "" is the
 * default one. */
char *api_stands_in(const struct object *api);
/* Has it perhaps been written to gateways? Not if that left no trace on the object: the finalizer,
 * or a status that holds an id, comes before. */
bool api_may_stand(const struct object *api);
/* Looks for a context whose gateways are not known yet (it, its Secrets or its Service have not
 * been read): *ret_key, borrowed. What stands on them is not known either. */
bool context_is_unknown(const struct reconciler *reconciler, const char **ret_key);
bool api_leave(struct reconciler *reconciler, struct api_state *state, const struct object *api);
void api_gone(struct reconciler *reconciler, struct api_state *state);

/* webhook_flow.c, context_flow.c */
bool webhook_reconcile(struct reconciler *reconciler, const char *key);
/* A usage_changed_fn, of the reconciler: looks at the Webhook, or soon. */
void webhook_used(void *arg, const char *webhook);
bool context_reconcile(struct reconciler *reconciler, const char *key);
void object_state_free(void *value);
struct object_state *object_state_of(struct reconciler *reconciler, const char *prefix,
                                     const char *key);
/* The object is gone. */
void object_forget(struct reconciler *reconciler, const char *prefix, const char *key);
void object_write_status(struct object_state *state, const struct object *object,
                         const struct buf *status);
void context_state_free(void *value);

/* flaws.c */
/* Tells the warnings among what was found about an object, unless that was done: *told stands for
 * what was told of it last, 0 at first. */
void flaws_tell(struct reconciler *reconciler, uint64_t *told, const struct object *object,
                const struct problems *problems);
/* The same of its annotations alone. */
void flaws_tell_annotations(struct reconciler *reconciler, uint64_t *told,
                            const struct object *object);

/* oversize.c */
/* Whose content has changed may be small enough again. Either object may be NULL. */
void oversize_changed(struct reconciler *reconciler, const char *key, const struct object *before,
                      const struct object *after);
/* A write (not a rewrite) was refused with TOO_LARGE. */
void oversize_note(struct api_state *state);
/* It is another object. */
void oversize_forget(struct api_state *state);
/* Is the object with copies of so many bytes still too large, as far as is known? */
bool oversize_holds(struct api_state *state, size_t copies);
/* Is it of no use to write the status? Then it is tried again later. */
bool oversize_is_mute(struct api_state *state);

/* conflict.c */
/* A write has ended: if it meets the same conflict again although news had their time to come, the
 * kind is listed anew. */
void conflict_note(struct reconciler *reconciler, struct conflict **conflict, enum object_kind kind,
                   const char *key, const struct err *err);

/* lately.c: what is remembered for a while only */
/* A Webhook has been deleted. */
void deletions_note(struct reconciler *reconciler, const char *webhook, int64_t when_ms);
/* Since when an absent Webhook has been gone: its last deletion, or `seen_ms` if that is later; one
 * that nobody saw go counts as deleted then. */
int64_t deletions_since(struct reconciler *reconciler, const char *webhook, int64_t seen_ms);
/* How many went in the time that a rewrite looks back on. */
size_t deletions_lately(struct reconciler *reconciler);
/* A token of the index that nothing depends on any more: if it is a Secret or a ConfigMap, it is
 * unfollowed unless something refers to it again soon. */
void follows_idle(void *arg, const char *token);
/* The timer's: forgets what is old enough. */
void lately_tidy(void *arg);
