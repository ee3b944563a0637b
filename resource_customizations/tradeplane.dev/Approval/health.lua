-- Health of an Approval for Argo CD, which reads no conditions of custom resources by itself.
-- Degraded only what needs somebody to change something (Stalled); one that waits for the keyring is Progressing.

local function condition(name)
  if obj.status ~= nil and obj.status.conditions ~= nil then
    for _, entry in ipairs(obj.status.conditions) do
      if entry.type == name then
        return entry
      end
    end
  end
  return nil
end

local function health(status, message)
  return { status = status, message = message }
end

local ready = condition("Ready")
local stalled = condition("Stalled")

if ready == nil or ready.status == "Unknown" then
  return health("Progressing", "The operator has not looked at this object yet")
end
if obj.status.observedGeneration ~= obj.metadata.generation then
  return health("Progressing", "The operator has not looked at this generation yet")
end
if stalled ~= nil and stalled.status == "True" then
  return health("Degraded", stalled.reason .. ": " .. stalled.message)
end
if ready.status == "True" then
  return health("Healthy", ready.message)
end
return health("Progressing", ready.reason .. ": " .. ready.message)
