/* SPDX-License-Identifier: Apache-2.0 */
/* Reads texts from stdin, each behind a line with its length, and answers each on stdout: "ok" and
 * the number of its documents, then these as JSON, a line each; or "refused" and why. For the
 * comparison with another reader (yaml_reference.py). */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/yaml.h"

static void answer(struct span text)
{
    struct yaml_documents documents;
    struct err err;
    unsigned line = 0;
    if (yaml_read(text, &yaml_default_limits, &documents, &line, &err) < 0) {
        printf("refused %u: %s\n", line, err.msg);
    } else {
        printf("ok %zu\n", documents.count);
        for (size_t i = 0; i < documents.count; i++)
            puts(documents.items[i].json);
    }
    fflush(stdout);
    yaml_documents_fini(&documents);
}

int main(void)
{
    char line[32];
    while (fgets(line, sizeof(line), stdin)) {
        size_t length = strtoul(line, NULL, 10);
        CLEANUP(freep) char *text = xcalloc(1, length + 1);
        if (fread(text, 1, length, stdin) != length)
            return 1;
        answer((struct span){text, length});
    }
    return 0;
}
