-- Records the crash of the worker of each job, unless another worker already has the job.
local limit, failure = ARGV[1], ARGV[2]
for i = 3, #ARGV do
  local id = ARGV[i]
  local job = load(id)
  if job and job.state == 'active' and redis.call('GET', bull .. id .. ':lock') ~= job.token then
    crash(id, job, limit, failure)
  end
end
