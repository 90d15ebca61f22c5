"""
Lua scripts on the job records in Redis; each is atomic.

KEYS are the prefixes of the records and of BullMQ's keys. Keys of the records, by the id of a job:

    job:ID        hash    the job; its `token` names the attempt that holds it, `reported` counts its reports
    events:ID     stream  its log
    reports:ID    list    which entries of the log are reports of the running attempt, but for its progress

and for all of them

    all           zset    ids by number, and `in:STATE` the same for each state
    ended         zset    ids by the time they ended
    keys          hash    idempotency keys (their digests) and the ids of their jobs
    number        counter of the jobs
    folder        which folder all processes share
    changes       channel that carries the type of each event and the id of its job

Of BullMQ's keys the scripts read a job's hash, `active` and the list or set of each waiting state, and write
`ID:lock`, `stalled` and `stalled-check` as BullMQ's own scripts do.
"""

from __future__ import annotations

COMMON = """
local ours, bull = KEYS[1], KEYS[2]
local clock = redis.call('TIME')
local now = string.format('%d.%06d', clock[1], clock[2])
local TERMINAL = {completed = true, failed = true, cancelled = true}

local function flat(id)
  return redis.call('HGETALL', ours .. 'job:' .. id)
end

local function load(id)
  local fields, job = flat(id), {}
  if #fields == 0 then return nil end
  for i = 1, #fields, 2 do job[fields[i]] = fields[i + 1] end
  return job
end

local function set(id, ...)
  redis.call('HSET', ours .. 'job:' .. id, ...)
end

local function store_event(id, type, payload)
  local event = redis.call('XADD', ours .. 'events:' .. id, '*', 'type', type, 'payload', payload)
  set(id, 'last_event', event)
  redis.call('PUBLISH', ours .. 'changes', type .. ' ' .. id)
  return event
end

local function move(id, job, state)
  redis.call('ZREM', ours .. 'in:' .. job.state, id)
  redis.call('ZADD', ours .. 'in:' .. state, job.number, id)
  set(id, 'state', state)
  job.state = state
end

local function create(id, state, key, data)
  local number = redis.call('INCR', ours .. 'number')
  set(id, 'number', number, 'id', id, 'state', state, 'key', key, 'data', data, 'created_at', now,
    'progress', '0.0', 'report', '{}', 'attempts', 0, 'crashes', 0, 'cancel', 0, 'reported', 0)
  redis.call('ZADD', ours .. 'all', number, id)
  redis.call('ZADD', ours .. 'in:' .. state, number, id)
  store_event(id, state, '{}')
end

-- A job that another producer added to BullMQ gets its record on first sight.
local function adopt(id)
  local key = bull .. id
  if not string.match(id, '^[%w_-]+$') or #id > 128 then return nil end
  if redis.call('TYPE', key).ok ~= 'hash' then return nil end
  local data = redis.call('HGET', key, 'data')
  if not data or redis.call('HEXISTS', key, 'finishedOn') == 1 then return nil end
  -- The data of a record is always an object.
  if not string.match(data, '^%s*{') then data = '{"data":' .. data .. '}' end
  create(id, redis.call('ZSCORE', bull .. 'delayed', id) and 'delayed' or 'waiting', '', data)
  return load(id)
end

local function drop_reports(id, job)
  local log, list = ours .. 'events:' .. id, ours .. 'reports:' .. id
  for _, event in ipairs(redis.call('LRANGE', list, 0, -1)) do redis.call('XDEL', log, event) end
  redis.call('DEL', list)
  if job.progress_event then
    redis.call('XDEL', log, job.progress_event)
    redis.call('HDEL', ours .. 'job:' .. id, 'progress_event')
  end
end

local function finish(id, job, state, result, failure)
  if job.cancel == '1' then state = 'cancelled' end   -- the client was told that the job will be cancelled
  local payload = '{}'
  if state == 'completed' then
    set(id, 'result', result, 'progress', '100.0')
    payload = '{"result":' .. result .. '}'
  elseif state == 'failed' then
    set(id, 'error', failure)
    payload = '{"error":' .. failure .. '}'
  end
  set(id, 'finished_at', now)
  move(id, job, state)
  redis.call('ZADD', ours .. 'ended', now, id)
  store_event(id, state, payload)
end

local function give_back(id, job)
  if job.cancel == '1' then return finish(id, job, 'cancelled') end
  move(id, job, 'waiting')
  store_event(id, 'waiting', '{}')
end

local function crash(id, job, limit, failure)
  if redis.call('HINCRBY', ours .. 'job:' .. id, 'crashes', 1) >= tonumber(limit) then
    finish(id, job, 'failed', '', failure)
  else
    give_back(id, job)
  end
end

-- Renew an expired lock unless another worker got the job, so that work survives an outage.
local function keep_lock(id, token, lock_ms)
  local lock = bull .. id .. ':lock'
  local owner = redis.call('GET', lock)
  if owner and owner ~= token then return end
  if not owner and not redis.call('LPOS', bull .. 'active', id) then return end
  redis.call('SET', lock, token, 'PX', lock_ms)
  redis.call('SREM', bull .. 'stalled', id)
end
"""

ADD = """
local id, digest, key, data = unpack(ARGV)
local known = digest ~= '' and redis.call('HGET', ours .. 'keys', digest)
if not known and redis.call('EXISTS', ours .. 'job:' .. id) == 1 then known = id end
if known then return {0, flat(known)} end
create(id, 'waiting', key, data)
if digest ~= '' then
  redis.call('HSET', ours .. 'keys', digest, id)
  set(id, 'digest', digest)
end
return {1, flat(id)}
"""

GET = """
local id = ARGV[1]
if redis.call('EXISTS', ours .. 'job:' .. id) == 1 or adopt(id) then return flat(id) end
"""

FIND = """
local id = redis.call('HGET', ours .. 'keys', ARGV[1])
return id and flat(id)
"""

# The next jobs below a number: no job is skipped if another leaves its state between two pages.
NEWEST = """
local limit, skip, before = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local found, total, several = {}, 0, #ARGV > 4
local first, most = skip, limit
if several then first, most = 0, skip + limit end
for i = 4, #ARGV do
  local set = ours .. ARGV[i]
  total = total + redis.call('ZCARD', set)
  local ids = redis.call('ZREVRANGEBYSCORE', set, before, '-inf', 'WITHSCORES', 'LIMIT', first, most)
  for n = 1, #ids, 2 do table.insert(found, {id = ids[n], number = tonumber(ids[n + 1])}) end
end
if several then table.sort(found, function(one, other) return one.number > other.number end) end
local jobs = {}
for n = skip - first + 1, math.min(skip - first + limit, #found) do
  table.insert(jobs, flat(found[n].id))
end
return {total, jobs}
"""

COUNT = """
local counts = {}
for i, state in ipairs(ARGV) do counts[i] = redis.call('ZCARD', ours .. 'in:' .. state) end
return counts
"""

CANCEL = """
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
"""

# The lock of a finished job has no use, and would keep BullMQ from removing the job.
UNLOCK = """
local id = ARGV[1]
local job = load(id)
if not job then return false end
if TERMINAL[job.state] then redis.call('DEL', bull .. id .. ':lock') end
return flat(id)
"""

RESTART = """
local id = ARGV[1]
local job = load(id)
if not job then return false end
if job.state == 'failed' then
  redis.call('ZREM', ours .. 'ended', id)
  redis.call('HDEL', ours .. 'job:' .. id, 'error', 'started_at', 'finished_at', 'progress_event', 'token')
  redis.call('DEL', ours .. 'reports:' .. id)
  redis.call('XTRIM', ours .. 'events:' .. id, 'MAXLEN', 0)
  set(id, 'progress', '0.0', 'report', '{}', 'crashes', 0, 'reported', 0)
  move(id, job, 'waiting')
  store_event(id, 'waiting', '{}')
end
return flat(id)
"""

REPLACE_ERROR = """
local id, known, new = unpack(ARGV)
local job = load(id)
if not job or job.state ~= 'failed' or job.error ~= known then return 0 end
set(id, 'error', new)
return 1
"""

FORGET = """
for _, id in ipairs(ARGV) do
  local job = load(id)
  if job and TERMINAL[job.state] then
    for _, set in ipairs({'all', 'in:' .. job.state, 'ended'}) do
      redis.call('ZREM', ours .. set, id)
    end
    if job.digest then redis.call('HDEL', ours .. 'keys', job.digest) end
    redis.call('DEL', ours .. 'job:' .. id, ours .. 'events:' .. id, ours .. 'reports:' .. id)
    redis.call('PUBLISH', ours .. 'changes', 'deleted ' .. id)
  end
end
"""

EVENTS = """
local id, after, count = unpack(ARGV)
local fields = redis.call('HMGET', ours .. 'job:' .. id, 'state', 'last_event')
if not fields[1] then return {'', {}} end
local from = '-'
if after ~= '' then
  local ms, seq = string.match(after, '(%d+)-(%d+)')
  local last_ms, last_seq = string.match(fields[2], '(%d+)-(%d+)')
  ms, seq, last_ms, last_seq = tonumber(ms), tonumber(seq), tonumber(last_ms), tonumber(last_seq)
  -- An unknown event id is from an earlier store: replay everything.
  if ms < last_ms or ms == last_ms and seq <= last_seq then from = '(' .. after end
end
return {fields[1], redis.call('XRANGE', ours .. 'events:' .. id, from, '+', 'COUNT', count)}
"""

ENDED = """
local jobs = {}
local old = redis.call('ZRANGEBYSCORE', ours .. 'ended', '-inf', tonumber(now) - ARGV[1], 'LIMIT', 0, ARGV[2])
for i, id in ipairs(old) do
  redis.call('DEL', bull .. id .. ':lock')
  jobs[i] = flat(id)
end
return jobs
"""

# Reconciles the two lists: adopts jobs that exist only in BullMQ, returns those missing from it.
COMPARE = """
local function adopt_all(ids, first, last, step)
  for i = first, last, step do
    if redis.call('EXISTS', ours .. 'job:' .. ids[i]) == 0 then adopt(ids[i]) end
  end
end
local waiting = redis.call('LRANGE', bull .. 'wait', 0, -1)
adopt_all(waiting, #waiting, 1, -1)  -- its oldest job is at the end
for _, set in ipairs({'prioritized', 'delayed'}) do
  local ids = redis.call('ZRANGE', bull .. set, 0, -1)
  adopt_all(ids, 1, #ids, 1)
end
local missing = {}
for _, state in ipairs({'active', 'delayed', 'waiting'}) do
  for _, id in ipairs(redis.call('ZRANGE', ours .. 'in:' .. state, 0, -1)) do
    if redis.call('EXISTS', bull .. id) == 0 then
      local job = load(id)
      if state ~= 'waiting' then give_back(id, job) end
      if job.state == 'waiting' then table.insert(missing, flat(id)) end
    end
  end
end
return missing
"""

TOUCH = """
redis.call('SET', ours .. 'checked', now)
"""

SHARE = """
redis.call('SET', ours .. 'folder', ARGV[1], 'NX')
return redis.call('GET', ours .. 'folder')
"""
