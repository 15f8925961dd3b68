/* SPDX-License-Identifier: Apache-2.0 */
#include "base/yaml_json.h"

#include <string.h>

#include "base/json_text.h"
#include "base/yaml_scalar.h"

static int fault(struct yaml_json *json, struct err *err, const char *what)
{
    json->is_not_json = true;
    return err_set(err, ERR_INVALID, 0, "not JSON: %s", what);
}

void yaml_json_skip_blanks(struct yaml_json *json)
{
    for (; json->at < json->end; json->at++) {
        if (*json->at == '\n')
            json->line++;
        else if (*json->at != ' ' && *json->at != '\t' && *json->at != '\r')
            break;
    }
}

/* The bytes of the scalar that begins here: a string up to its closing quote, or all that could be
 * a number or a word. */
static struct span scalar_token(const struct yaml_json *json)
{
    const char *at = json->at;
    if (*at == '"') {
        for (at++; at < json->end && *at != '"' && *at != '\n'; at++) {
            if (*at == '\\' && at + 1 < json->end)
                at++;
        }
        at += at < json->end;
    } else {
        while (at < json->end && *at && !strchr(",:{}[] \t\r\n\"", *at))
            at++;
    }
    return (struct span){json->at, (size_t)(at - json->at)};
}

static int step_scalar(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    static const struct json_text_limits limits = {0};
    struct span token = scalar_token(json);
    if (!token.length)
        return fault(json, err, "a value is expected here");
    if (json_text_check(token, &limits, NULL, err) < 0) {
        json->is_not_json = true;
        return -1;
    }
    if (json_text_type(token) == JSON_TEXT_NUMBER && !yaml_number_is_json(token))
        return err_set(err, ERR_INVALID, 0, "a number is too large");
    json->at += token.length;
    return yaml_build_scalar(build, token, NULL, json->line, err);
}

static int step_value(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    if (*json->at == '{' || *json->at == '[') {
        bool is_map = *json->at++ == '{';
        json->state = is_map ? YAML_JSON_FIRST_KEY : YAML_JSON_FIRST_ITEM;
        return yaml_build_open(build, is_map, NULL, json->line, err);
    }
    json->state = YAML_JSON_BEHIND;
    return step_scalar(json, build, err);
}

static int step_close(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    json->at++;
    json->state = YAML_JSON_BEHIND;
    return yaml_build_close(build, err);
}

static int step_key(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    if (*json->at != '"')
        return fault(json, err, "a key in quotes is expected here");
    json->state = YAML_JSON_COLON;
    return step_scalar(json, build, err);
}

static int step_behind(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    bool in_map = build->frames[build->depth - 1].is_map;
    if (*json->at == (in_map ? '}' : ']'))
        return step_close(json, build, err);
    if (*json->at != ',')
        return fault(json, err, in_map ? "a comma or } is missing" : "a comma or ] is missing");
    json->at++;
    json->state = in_map ? YAML_JSON_KEY : YAML_JSON_VALUE;
    return 0;
}

int yaml_json_step(struct yaml_json *json, struct yaml_build *build, struct err *err)
{
    yaml_json_skip_blanks(json);
    if (json->at >= json->end)
        return fault(json, err, "the text ends too early");
    switch (json->state) {
    case YAML_JSON_VALUE:
        return step_value(json, build, err);
    case YAML_JSON_FIRST_ITEM:
        return *json->at == ']' ? step_close(json, build, err) : step_value(json, build, err);
    case YAML_JSON_KEY:
        return step_key(json, build, err);
    case YAML_JSON_FIRST_KEY:
        return *json->at == '}' ? step_close(json, build, err) : step_key(json, build, err);
    case YAML_JSON_COLON:
        if (*json->at != ':')
            return fault(json, err, "a colon is missing behind a key");
        json->at++;
        json->state = YAML_JSON_VALUE;
        return 0;
    case YAML_JSON_BEHIND:
        return step_behind(json, build, err);
    }
    return fault(json, err, "a value is expected here");
}
