-- Returns a job; a job that exists only in BullMQ is adopted.
local id = ARGV[1]
if redis.call('EXISTS', records .. 'job:' .. id) == 1 or adopt(id) then return flat(id) end
