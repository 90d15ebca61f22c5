-- Returns the job that was added with an idempotency key (its digest).
local id = redis.call('HGET', records .. 'keys', ARGV[1])
return id and flat(id)
