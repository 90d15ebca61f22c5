-- Renews the locks of attempts; returns for each: held, cancelled or lost.
local lock_ms, answers = ARGV[1], {}
for i = 2, #ARGV, 2 do
  local id, token = ARGV[i], ARGV[i + 1]
  local job = load(id)
  local held = job and job.state == 'active' and job.token == token
  if held then keep_lock(id, token, lock_ms) end
  answers[i / 2] = not held and 'lost' or job.cancel == '1' and 'cancelled' or 'held'
end
return answers
