"""What Redis does for the cache, each in one step that nothing comes between. Lua, as Redis 7 and Valkey have it.

    {coffer-cache}:epoch            a random word; another one, and all that is kept is old
    {coffer-cache}:vouchers         process of actors -> until when (Redis's clock, Unix milliseconds) it vouches for the cache
    {coffer-cache}:tag:<tag>        the tag's version: a random word; another one, and what is kept under the tag is old
    {coffer-cache}:kept:<name>      stamp, until when it is fresh, the reply
    {coffer-cache}:lease:<name>     who is loading it, and for which stamp

The stamp of a reply is the server's run, the epoch and the versions of its tags, as they were before the reply was asked for. A
version that is missing is made up anew, so that nothing here is needed for being right: whatever Redis forgets is asked again.
The braces keep all keys in one slot of a cluster.
"""

PREFIX = "{coffer-cache}:"
EPOCH, VOUCHERS = f"{PREFIX}epoch", f"{PREFIX}vouchers"
TAG_MILLISECONDS = 24 * 3600 * 1000
"""How long an unused tag's version stays. What was kept under one that is gone is never taken again."""
GONE_MILLISECONDS = 10_000
"""A process that has not vouched for so long is given up, together with all that was kept: it may have died before it told."""

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

STAMP = f"""
{_NOW}
local function trusted()
    local vouchers, alive = redis.call('HGETALL', KEYS[2]), 0
    for i = 1, #vouchers, 2 do
        local till = tonumber(vouchers[i + 1])
        if till >= now then
            alive = alive + 1
        elseif till + {GONE_MILLISECONDS} < now then
            redis.call('HDEL', KEYS[2], vouchers[i])
            redis.call('SET', KEYS[1], ARGV[1])
        else
            return false
        end
    end
    return alive > 0
end
local function stamp(first)
    local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
    local keys = {{KEYS[1]}}
    for i = first, #KEYS do keys[#keys + 1] = KEYS[i] end
    local versions = redis.call('MGET', unpack(keys))
    local parts = {{run}}
    for i = 1, #keys do
        local version = versions[i]
        if not version then
            version = ARGV[1]
            if i == 1 then
                redis.call('SET', keys[i], version)
            else
                redis.call('SET', keys[i], version, 'PX', {TAG_MILLISECONDS})
            end
        end
        parts[#parts + 1] = version
    end
    return table.concat(parts, ' ')
end
"""

LOOK = f"""
{STAMP}
-- KEYS epoch, vouchers, kept, lease, tags...    ARGV word, lease milliseconds
if not trusted() then return {{'distrusted', '', ''}} end
local as_of = stamp(5)
local function may_load()
    local lease = redis.call('GET', KEYS[4])
    if lease == ARGV[1] .. ' ' .. as_of then return true end
    if lease and string.sub(lease, #ARGV[1] + 2) == as_of then return false end
    redis.call('SET', KEYS[4], ARGV[1] .. ' ' .. as_of, 'PX', ARGV[2])
    return true
end
local kept = redis.call('GET', KEYS[3])
if kept and string.sub(kept, 1, #as_of + 1) == as_of .. '\\n' then
    local at = string.find(kept, '\\n', #as_of + 2, true)
    local body = string.sub(kept, at + 1)
    if now < tonumber(string.sub(kept, #as_of + 2, at - 1)) then return {{'hit', as_of, body}} end
    if may_load() then return {{'renew', as_of, body}} end
    return {{'stale', as_of, body}}
end
return {{may_load() and 'load' or 'wait', as_of, ''}}
"""

PUT = f"""
{STAMP}
-- KEYS as above    ARGV word, stamp, fresh milliseconds, kept milliseconds, reply ('' where there is none to keep)
if redis.call('GET', KEYS[4]) == ARGV[1] .. ' ' .. ARGV[2] then redis.call('DEL', KEYS[4]) end
if ARGV[5] == '' or not trusted() or stamp(5) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[3], ARGV[2] .. '\\n' .. string.format('%.0f', now + ARGV[3]) .. '\\n' .. ARGV[5], 'PX', ARGV[4])
return 1
"""

FORGET = f"""
-- KEYS tags...    ARGV word
for i = 1, #KEYS do redis.call('SET', KEYS[i], ARGV[1], 'PX', {TAG_MILLISECONDS}) end
return #KEYS
"""

VOUCH = f"""
{_NOW}
-- KEYS epoch, vouchers    ARGV word, process, until (0 only asks for the time), whether something was missed, the run it knows
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local till = tonumber(ARGV[3])
if till > 0 then
    local before = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or 0)
    if ARGV[4] == '1' or ARGV[5] ~= run or before < now then redis.call('SET', KEYS[1], ARGV[1]) end
    if till > before then redis.call('HSET', KEYS[2], ARGV[2], ARGV[3]) end
end
return {{now, run}}
"""

LEAVE = """
-- KEYS epoch, vouchers    ARGV process
return redis.call('HDEL', KEYS[2], ARGV[1])
"""
