-- The lock of a finished job has no use, and would keep BullMQ from removing the job.
local id = ARGV[1]
local job = load(id)
if not job then return false end
if TERMINAL[job.state] then redis.call('DEL', bull .. id .. ':lock') end
return flat(id)
