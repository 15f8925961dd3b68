-- SPDX-License-Identifier: Apache-2.0
-- Health of tyk.tyk.io/ApiDefinition, Webhook and OperatorContext for Argo CD. The kinds follow kstatus: observedGeneration
-- on the status, Ready always, Reconciling and Stalled only while true. Argo CD itself knows what is being deleted.

local function condition(object, kind)
  for _, one in ipairs(object.status.conditions or {}) do
    if one.type == kind then
      return one
    end
  end
  return {}
end

local function health(status, one, otherwise)
  return {status = status, message = one.message or otherwise}
end

-- No status, or the schema's default of -1: the operator has not looked yet.
if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "Waiting for the operator to look at this version"}
end

local stalled = condition(obj, "Stalled")
local reconciling = condition(obj, "Reconciling")
local ready = condition(obj, "Ready")

if stalled.status == "True" then
  return health("Degraded", stalled)
end
-- Nobody waits for these: the definition, or the secret, has to be edited.
if ready.reason == "GatewayRejected" or ready.reason == "GatewayUnauthorized" then
  return health("Degraded", ready)
end
if reconciling.status == "True" then
  return health("Progressing", reconciling)
end
if ready.status == "True" then
  if obj.spec ~= nil and obj.spec.suspend == true then
    return {status = "Suspended", message = "Every copy is pushed with enabled=false"}
  end
  local references = condition(obj, "ResolvedRefs")
  if references.reason == "Converted" then
    return health("Healthy", references)
  end
  return health("Healthy", ready)
end
if ready.status == "False" then
  return health("Degraded", ready)
end
return health("Progressing", ready, "Waiting for the condition Ready")
