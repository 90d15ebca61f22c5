"""
Lua scripts that a worker runs on the record of its job; each starts with `scripts.COMMON`.

A script is repeated if its reply was lost with the connection, and must then change nothing.
"""

from __future__ import annotations

BEGIN = """
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
local attempts = redis.call('HINCRBY', ours .. 'job:' .. id, 'attempts', 1)
set(id, 'token', token, 'reported', 0, 'started_at', now)
drop_reports(id, job)
move(id, job, 'active')
store_event(id, 'active', '{"attempts":' .. attempts .. '}')
return {'held', flat(id)}
"""

REPORT = """
local id, token, number, type, payload, progress = unpack(ARGV)
local job = load(id)
if not job or job.state ~= 'active' or job.token ~= token then return 0 end
if tonumber(job.reported) >= tonumber(number) then return 1 end  -- it is stored already
set(id, 'reported', number)
local event = store_event(id, type, payload)
if progress == '' then
  redis.call('RPUSH', ours .. 'reports:' .. id, event)
  return 1
end
if job.progress_event then redis.call('XDEL', ours .. 'events:' .. id, job.progress_event) end
if tonumber(progress) > tonumber(job.progress) then set(id, 'crashes', 0) end
set(id, 'progress', progress, 'report', payload, 'progress_event', event)
return 1
"""

FINISH = """
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
"""

RELEASE = """
local id, token, lock_ms = unpack(ARGV)
local job = load(id)
if not job or job.token ~= token then return false end
if job.state == 'active' then
  give_back(id, job)
  keep_lock(id, token, lock_ms)
end
return flat(id)
"""

RENEW = """
local lock_ms, answers = ARGV[1], {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local job = load(id)
  local held = job and job.state == 'active' and job.token == token
  if held then keep_lock(id, token, lock_ms) end
  answers[i / 2] = not held and 'lost' or job.cancel == '1' and 'cancelled' or 'held'
end
return answers
"""

STALLED = """
local limit, failure = ARGV[1], ARGV[2]
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = load(id)
  if job and job.state == 'active' and redis.call('GET', bull .. id .. ':lock') ~= job.token then
    crash(id, job, limit, failure)
  end
end
"""

# Frees the jobs of a dead process, whose tokens begin with ARGV[1]; the remaining arguments are alive.
FREE = """
local instance, freed, alive = ARGV[1], 0, {}
for i = 2, #ARGV do alive[ARGV[i]] = true end
for _, id in ipairs(redis.call('LRANGE', bull .. 'active', 0, -1)) do
  local owner = redis.call('GET', bull .. id .. ':lock') or redis.call('HGET', ours .. 'job:' .. id, 'token')
  if owner and string.sub(owner, 1, #instance) == instance and not alive[owner] then
    redis.call('DEL', bull .. id .. ':lock')
    redis.call('SADD', bull .. 'stalled', id)
    freed = freed + 1
  end
end
if freed > 0 then redis.call('DEL', bull .. 'stalled-check') end
return freed
"""
