/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/dir_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "base/strmap.h"
#include "dir/file.h"
#include "dir/walk.h"

#define EVENTS                                                                                     \
    (IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE |            \
     IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct folder {
    char *path;
    bool seen; /* in the pass at hand */
};

struct dir_watch {
    struct loop *loop;
    struct loop_watch *readable;
    dir_watch_fn *changed;
    void *arg;
    int fd;
    struct strmap *folders; /* watch descriptor in decimal → struct folder */
    bool is_partial;
    bool fails; /* in the pass at hand */
};

static void folder_free(void *value)
{
    struct folder *folder = value;
    free(folder->path);
    free(folder);
}

static void name_of(int descriptor, char out[static 16])
{
    snprintf(out, 16, "%d", descriptor);
}

static void tell_event(struct dir_watch *watch, const struct inotify_event *event)
{
    char name[16];
    name_of(event->wd, name);
    const struct folder *folder = strmap_get(watch->folders, name);
    if (event->mask & IN_IGNORED) {
        strmap_remove(watch->folders, name);
        return;
    }
    bool about_folder =
        event->mask & (IN_Q_OVERFLOW | IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT);
    /* `..data` is what a kubelet turns round when a mounted ConfigMap changes. */
    bool turned = event->len && str_starts(event->name, "..");
    if (about_folder || turned) {
        watch->changed(watch->arg, NULL);
    } else if (folder && event->len && walk_is_manifest(event->name)) {
        CLEANUP(freep) char *path = xasprintf("%s/%s", folder->path, event->name);
        watch->changed(watch->arg, path);
    }
}

static void on_readable(void *arg)
{
    struct dir_watch *watch = arg;
    /* One read a call: the loop calls again while there is more. */
    char events[8192] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t length = read(watch->fd, events, sizeof(events));
    for (const char *at = events; length > 0 && at < events + length;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
        tell_event(watch, event);
        at += sizeof(*event) + event->len;
    }
}

int dir_watch_new(struct loop *loop, dir_watch_fn *changed, void *arg, struct dir_watch **ret_watch,
                  struct err *err)
{
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0) {
        (void)file_fault(err, errno, "inotify");
        if (err)
            err->class = ERR_TRANSIENT;
        return -1;
    }
    struct dir_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct dir_watch){
        .loop = loop, .changed = changed, .arg = arg, .fd = fd, .folders = strmap_new(folder_free)};
    watch->readable = loop_watch_new(loop, fd, on_readable, watch);
    *ret_watch = watch;
    return 0;
}

void dir_watch_free(struct dir_watch *watch)
{
    if (!watch)
        return;
    loop_watch_free(watch->readable);
    close(watch->fd);
    strmap_free(watch->folders);
    free(watch);
}

void dir_watch_begin(struct dir_watch *watch)
{
    watch->fails = false;
    for (struct strmap_entry *e = strmap_first(watch->folders); e; e = strmap_next(e)) {
        struct folder *folder = strmap_entry_value(e);
        folder->seen = false;
    }
}

void dir_watch_add(struct dir_watch *watch, const char *path)
{
    int descriptor = inotify_add_watch(watch->fd, path, EVENTS);
    if (descriptor < 0) {
        /* What has gone again, or may not be read, the walk tells. */
        watch->fails = watch->fails || errno == ENOSPC || errno == ENOMEM;
        return;
    }
    char name[16];
    name_of(descriptor, name);
    struct folder *folder = xcalloc(1, sizeof(*folder));
    *folder = (struct folder){.path = xstrdup(path), .seen = true};
    strmap_set(watch->folders, name, folder);
}

void dir_watch_end(struct dir_watch *watch)
{
    struct strmap_entry *next;
    for (struct strmap_entry *e = strmap_first(watch->folders); e; e = next) {
        next = strmap_next(e);
        const struct folder *folder = strmap_entry_value(e);
        if (folder->seen)
            continue;
        int descriptor = (int)strtoll(strmap_entry_key(e), NULL, 10);
        (void)inotify_rm_watch(watch->fd, descriptor);
        strmap_remove(watch->folders, strmap_entry_key(e));
    }
    if (watch->fails && !watch->is_partial)
        log_warn("not every folder can be watched, changes are seen later", .reason = "WatchLimit",
                 .detail = "raise fs.inotify.max_user_watches");
    watch->is_partial = watch->fails;
}

bool dir_watch_is_partial(const struct dir_watch *watch)
{
    return watch->is_partial;
}
