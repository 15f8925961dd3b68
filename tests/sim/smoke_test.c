#include <stdio.h>
#include "sim/sim.h"
#include "base/log.h"
#include <stdlib.h>
#include <time.h>
int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1;
    log_setup(n == 1 ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, false);
    for (int i = 0; i < n; i++) {
    struct sim *sim = sim_new(&(struct sim_options){.seed = (uint64_t)i, .pods = {2, 1}, .splits = true});
    sim_start(sim, 0);
    sim_run(sim, 2000);
    sim_apply(sim, "{'kind':'Webhook','metadata':{'namespace':'a','name':'pager'},'spec':{'url':'https://pager/hook'}}");
    sim_apply(sim, "{'kind':'ApiDefinition','metadata':{'namespace':'a','name':'orders'},'spec':{'oas':{'openapi':'3.0.3','info':{'title':'t','version':'1'},'paths':{},'x-tyk-api-gateway':{'info':{'name':'o','state':{'active':true}},'upstream':{'url':'http://up/'},'server':{'listenPath':{'value':'/orders/','strip':true},'eventHandlers':[{'enabled':true,'trigger':'AuthFailure','type':'webhook','cooldownPeriod':'10s','id':'pager'}]}}}}}");
    sim_run(sim, 10000);
    if (n == 1) {
    char *t = sim_json_dump(sim_get(sim, OBJECT_API, "a/orders"));
    puts(t); free(t);
    struct sim_definition d;
    if (sim_gateway_loaded(sim->pods[0].gateway, "YS9vcmRlcnM", &d)) { t = sim_json_dump(d.document); puts(t); free(t); }
    }
    sim_run(sim, 600000);
    sim_free(sim);
    }
    return 0;
}
