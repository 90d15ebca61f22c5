-- Finishes a held job; a repeat returns the finished job.
local id, token, lock_ms, state, result, failure = unpack(ARGV)
local job = load(id)
if not job or job.token ~= token then return false end
if job.state == 'active' then
  finish(id, job, state, result, failure)
  keep_lock(id, token, lock_ms)
elseif not TERMINAL[job.state] then
  return false
end
return flat(id)
