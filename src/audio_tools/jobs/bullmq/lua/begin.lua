-- Starts an attempt on a job whose lock BullMQ gave to this token; a repeat changes nothing.
local id, token, limit, failure = unpack(ARGV)
if redis.call('GET', bull .. id .. ':lock') ~= token then return {'lost'} end
local job = load(id) or adopt(id)
if not job then return {'refused'} end
if job.state == 'active' and job.token == token then return {'held', flat(id)} end  -- it has begun already
if job.state == 'active' then
  crash(id, job, limit, failure)
elseif not TERMINAL[job.state] and job.cancel == '1' then
  finish(id, job, 'cancelled')
end
if TERMINAL[job.state] then return {'ended', flat(id)} end
local attempts = redis.call('HINCRBY', records .. 'job:' .. id, 'attempts', 1)
set(id, 'token', token, 'reported', 0, 'started_at', now)
drop_reports(id, job)
move(id, job, 'active')
store_event(id, 'active', '{"attempts":' .. attempts .. '}')
return {'held', flat(id)}
