-- Cancels a job that is not held, or stores the request to cancel it.
local id = ARGV[1]
local job = load(id) or adopt(id)
if not job then return false end
if not TERMINAL[job.state] and job.cancel ~= '1' then
  set(id, 'cancel', 1)
  job.cancel = '1'
  if job.state == 'active' then
    store_event(id, 'cancelling', '{}')
  else
    finish(id, job, 'cancelled')
  end
end
return flat(id)
