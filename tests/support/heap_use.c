/* SPDX-License-Identifier: Apache-2.0 */
#include "support/heap_use.h"

#ifdef __SANITIZE_ADDRESS__
/* Of the sanitizer's own interface, whose header is not everywhere. */
/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
size_t __sanitizer_get_current_allocated_bytes(void);

size_t heap_use(void)
{
    return __sanitizer_get_current_allocated_bytes();
}

size_t heap_use_slack(void)
{
    return 0;
}
#else
#include <malloc.h>

size_t heap_use(void)
{
    struct mallinfo2 use = mallinfo2();
    return use.uordblks + use.hblkhd;
}

size_t heap_use_slack(void)
{
    return 65536;
}
#endif
