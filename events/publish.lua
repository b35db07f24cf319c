-- Appends messages to a channel's stream, and tells who listens; all of it or nothing.
--
-- KEYS[1] the stream. ARGV: the channel, the epoch, the number of the first message, how long the stream may get, the
-- number up to which the channel has been told, the messages. It answers {what, epoch, number}: of the stream's last
-- entry, as it was before. what is 0 where the messages are in the stream now, 1 where earlier ones are missing, 2 where
-- the stream is of a later epoch.
local channel, epoch, first, most, told = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local last_epoch, last = 0, 0
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      local e, s = string.match(info[i + 1], '^(%d+)-(%d+)$')
      last_epoch, last = tonumber(e), tonumber(s)
    end
  end
end
if last_epoch > epoch then
  return {2, last_epoch, last}
end
local have = last
if last_epoch < epoch then
  have = 0 -- the epoch begins with number 1
end
if have < first - 1 then
  return {1, last_epoch, last}
end
for i = 6, #ARGV do
  local number = first + i - 6
  if number > have then -- a repeated one is dropped
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', most, string.format('%.0f-%.0f', epoch, number), 'event', ARGV[i])
    if number > told then
      redis.call('PUBLISH', channel, ARGV[i])
    end
  end
end
return {0, last_epoch, last}
