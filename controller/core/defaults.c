/* SPDX-License-Identifier: Apache-2.0 */
#include "core/defaults.h"

#include "base/json_text.h"
#include "base/mem.h"
#include "core/members.h"

char *defaults_version_data(struct span version_data)
{
    static const char unversioned[] =
        "{\"not_versioned\":true,\"default_version\":\"Default\","
        "\"versions\":{\"Default\":{\"name\":\"Default\",\"use_extended_paths\":false}}}";
    struct json_text_iter versions = json_text_iterate(json_text_member(version_data, "versions"));
    return json_text_next(&versions) ? NULL : xstrdup(unversioned);
}

char *defaults_auth_configs(const struct api_view *view)
{
    if (!json_text_bool(view->use_standard_auth, false) ||
        json_text_type(json_text_member(view->auth_configs, "authToken")) == JSON_TEXT_OBJECT ||
        json_text_member(view->auth, "auth_header_name").length > 2)
        return NULL;
    struct member_edit edit = members_set("authToken", "{\"auth_header_name\":\"Authorization\"}");
    struct buf out;
    buf_init(&out, BUF_UNLIMITED);
    members_write(view->auth_configs, &edit, 1, &out);
    return buf_take(&out);
}
