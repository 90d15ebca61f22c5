-- Replaces the error of a failed job, if it is still the known one.
local id, known, new = unpack(ARGV)
local job = load(id)
if not job or job.state ~= 'failed' or job.error ~= known then return 0 end
set(id, 'error', new)
return 1
