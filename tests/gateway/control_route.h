/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

enum control_operation {
    CONTROL_HELLO,
    CONTROL_READY,
    CONTROL_ROOT, /* "/tyk/" itself */
    CONTROL_LIST,
    CONTROL_LIST_OAS,
    CONTROL_EXPORT_ALL,
    CONTROL_GET,
    CONTROL_GET_OAS,
    CONTROL_EXPORT,
    CONTROL_VERSIONS,
    CONTROL_ADD,
    CONTROL_ADD_OAS,
    CONTROL_UPDATE,
    CONTROL_UPDATE_OAS,
    CONTROL_PATCH_OAS,
    CONTROL_DELETE,
    CONTROL_RELOAD,
    CONTROL_RELOAD_GROUP,
    CONTROL_WRONG_METHOD,
    CONTROL_UNKNOWN,
};

/* Which operation a request asks for; *ret_id gets the id in the path, in new memory, or NULL. */
enum control_operation control_route(const char *method, const char *path, char **ret_id);
