-- Requeues a held job, or finishes it if it was cancelled.
local id, token, lock_ms = unpack(ARGV)
local job = load(id)
if not job or job.token ~= token then return false end
if job.state == 'active' then
  give_back(id, job)
  keep_lock(id, token, lock_ms)
end
return flat(id)
