/* SPDX-License-Identifier: Apache-2.0 */
#include "traffic.h"

#include <stddef.h>

#include "fire.h"
#include "gateway.h"
#include "gojson.h"
#include "loaded.h"
#include "policy.h"
#include "text.h"

static void reply_api_error(struct exchange *exchange, int status, const char *message)
{
    struct text body = {0};
    text_puts(&body, "{\n    \"error\": ");
    gojson_puts(&body, message);
    text_puts(&body, "\n}");
    exchange_add_header(exchange, "X-Generator", "tyk.io");
    exchange_reply_text(exchange, status, TYPE_JSON, body.bytes);
    text_fini(&body);
}

static void fire_at(struct gateway *gateway, const struct api *api, struct exchange *exchange,
                    const char *event, const char *key)
{
    fire_run(gateway->fire, &gateway->doc, api->definition,
             &(struct fire_event){
                 .name = event,
                 .message = fire_message(event),
                 .path = exchange->path,
                 .origin = exchange_peer(exchange),
                 .key = key,
             },
             NULL);
}

static void fire_rate_limit(struct gateway *gateway, const struct api *api,
                            struct exchange *exchange)
{
    struct text key = {0};
    text_printf(&key, "apilimiter-%s%s", api->definition->org_id, api->definition->api_id);
    fire_at(gateway, api, exchange, "RatelimitExceeded", key.bytes);
    text_fini(&key);
}

void traffic_handle(struct gateway *gateway, struct exchange *exchange)
{
    const char *host = exchange_header(exchange, "Host");
    struct api *api = loaded_route(gateway->loaded, host != NULL ? host : "", exchange->path);
    if (api == NULL) {
        exchange_reply_text(exchange, 404, TYPE_TEXT, "Not Found");
        return;
    }
    exchange_set_id(exchange, api->definition->api_id);
    if (api->policy == NULL) {
        api->policy = policy_new(&gateway->doc, api->definition);
    }
    const char *key = exchange_header(exchange, policy_key_header(api->policy));
    switch (policy_judge(api->policy, exchange_peer(exchange), key, gateway_now_ms())) {
    case POLICY_PASS:
        exchange_reply_text(exchange, 200, "text/plain", "up");
        break;
    case POLICY_ADDRESS_REFUSED:
        reply_api_error(exchange, 403, "access from this IP has been disallowed");
        break;
    case POLICY_NO_VERSION:
        reply_api_error(exchange, 403, "Version information not found");
        break;
    case POLICY_KEY_MISSING:
        reply_api_error(exchange, 401, "Authorization field missing");
        break;
    case POLICY_KEY_REFUSED:
        fire_at(gateway, api, exchange, "AuthFailure", key);
        reply_api_error(exchange, 403, "Access to this API has been disallowed");
        break;
    case POLICY_RATE_LIMIT:
        fire_rate_limit(gateway, api, exchange);
        reply_api_error(exchange, 429, "API Rate Limit Exceeded");
        break;
    case POLICY_NO_TARGET:
        reply_api_error(exchange, 500, "There was a problem proxying the request");
        break;
    }
}
