/* SPDX-License-Identifier: Apache-2.0 */
#include "dir/flag_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/log.h"
#include "dir/file.h"

static void set_text(struct flag_file *file, char *text)
{
    if (file->text)
        explicit_bzero(file->text, strlen(file->text));
    free(file->text);
    file->text = text;
}

/* Returns owned text in *ret_text. */
static int read_text(const char *path, size_t limit, bool any_type, char **ret_text,
                     struct err *err)
{
    CLEANUP(buf_fini) struct buf bytes;
    buf_init(&bytes, limit);
    if (file_read(path, limit, any_type, &bytes, err) < 0)
        return -1;
    size_t length = bytes.length;
    while (length && strchr("\r\n", bytes.data[length - 1]))
        bytes.data[--length] = '\0';
    if (!length || !*bytes.data)
        return err_set(err, ERR_INVALID, 0, "empty");
    *ret_text = buf_take(&bytes);
    return 0;
}

int flag_file_read(struct flag_file *file, const char *path, size_t limit, struct err *err)
{
    *file = (struct flag_file){.path = path, .limit = limit};
    if (!path)
        return 0;
    struct stat status;
    file->is_followed = stat(path, &status) == 0 && S_ISREG(status.st_mode);
    if (read_text(path, limit, true, &file->text, err) < 0)
        return err_wrap(err, "%s", path);
    return 0;
}

bool flag_file_refresh(struct flag_file *file)
{
    if (!file->is_followed)
        return false;
    char *text;
    struct err err;
    if (read_text(file->path, file->limit, false, &text, &err) < 0) {
        if (!file->complained)
            log_warn("file not read, what it held before stays in force", .name = file->path,
                     .err = &err);
        file->complained = true;
        return false;
    }
    file->complained = false;
    if (strcmp(file->text, text) != 0) {
        set_text(file, text);
        return true;
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return false;
}

void flag_file_fini(struct flag_file *file)
{
    set_text(file, NULL);
}
