/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of any content, one JSON text a line, through everything that is decided about an
 * ApiDefinition. */
#include <stdint.h>

#include "objects.h"
#include "resolve_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cache *cache = read_objects((const char *)data, size);
    resolve_oracle(cache);
    cache_free(cache);
    return 0;
}
