-- +goose Up
-- Moments are BIGINT microseconds since 1970 UTC.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE customers (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    external_id TEXT UNIQUE,            -- the shop's id; null while anonymous
    email       TEXT,
    email_hash  TEXT,                   -- what suppressions are compared by
    locale      TEXT NOT NULL DEFAULT '',
    timezone    TEXT NOT NULL DEFAULT '',
    created_at  BIGINT NOT NULL DEFAULT 0,
    attributes  JSONB NOT NULL DEFAULT '{}', -- the latest of attribute_facts, for templates
    -- What the customer has chosen of marketing mail.
    less_often  BOOLEAN NOT NULL DEFAULT FALSE,
    paused_till BIGINT
);
CREATE INDEX customers_email_hash ON customers (email_hash) WHERE email_hash IS NOT NULL;
CREATE INDEX customers_timezone ON customers (timezone);
CREATE INDEX customers_created ON customers (created_at);

CREATE TABLE identities (
    kind        TEXT NOT NULL CHECK (kind IN ('user', 'anonymous')),
    value       TEXT NOT NULL,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, value)
);
CREATE INDEX identities_customer ON identities (customer_id);

-- What was known of a customer, and from when on. Typed once, on the way in, so
-- that both engines compare alike.
CREATE TABLE attribute_facts (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    at          BIGINT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('text', 'number', 'bool', 'time', 'list', 'object', 'null')),
    text        TEXT NOT NULL,          -- source text; lists and objects as JSON
    num         DOUBLE PRECISION,       -- of a number
    moment      BIGINT,                 -- of a time
    -- The day of a date: MM-DD-YYYY, so that one index finds a day of one year and
    -- of every year; MM-DD without a year.
    day         TEXT COLLATE "C" GENERATED ALWAYS AS (CASE
        WHEN kind IN ('text', 'time') AND text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}' THEN substr(text, 6, 5) || '-' || substr(text, 1, 4)
        WHEN kind = 'text' AND text ~ '^(--)?[0-9]{2}-[0-9]{2}$' THEN right(text, 5) END) STORED,
    xid         XID8 NOT NULL DEFAULT pg_current_xact_id(),
    UNIQUE (customer_id, name, at, id)
);
CREATE INDEX attribute_facts_day ON attribute_facts (name, day) WHERE day IS NOT NULL;
CREATE INDEX attribute_facts_at ON attribute_facts (name, at);
CREATE INDEX attribute_facts_moment ON attribute_facts (name, moment) WHERE moment IS NOT NULL;
CREATE INDEX attribute_facts_fresh ON attribute_facts (xid);

CREATE TABLE events (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         TEXT NOT NULL UNIQUE,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    name        TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    known_at    BIGINT NOT NULL,
    properties  JSONB NOT NULL DEFAULT '{}',
    xid         XID8 NOT NULL DEFAULT pg_current_xact_id() -- by which a tick finds what committed since
);
CREATE INDEX events_due ON events (name, occurred_at);
CREATE INDEX events_customer ON events (customer_id, name, occurred_at);
CREATE INDEX events_late ON events (name, known_at) WHERE known_at > occurred_at;
CREATE INDEX events_refunds ON events (customer_id, occurred_at) WHERE name IN ('Order Cancelled', 'Order Refunded'); -- few, and asked for at every order
-- Who waits for a product.
CREATE INDEX events_product ON events (name, (properties ->> 'product_id'), occurred_at)
    WHERE name IN ('Product Viewed', 'Back In Stock Requested', 'Price Drop Requested');
CREATE INDEX events_fresh ON events (xid);

-- What happened to a product, not to a customer: back in stock, another price.
CREATE TABLE catalogue_events (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL,
    product_id  TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    known_at    BIGINT NOT NULL,
    properties  JSONB NOT NULL DEFAULT '{}',
    xid         XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX catalogue_events_due ON catalogue_events (name, occurred_at);
CREATE INDEX catalogue_events_product ON catalogue_events (product_id, name, occurred_at);
CREATE INDEX catalogue_events_late ON catalogue_events (name, known_at) WHERE known_at > occurred_at;
CREATE INDEX catalogue_events_fresh ON catalogue_events (xid);

-- The shop's catalogue, as its feed last told of it: what templates show, and what
-- is gone from a cart by the time of a mail.
CREATE TABLE products (
    product_id TEXT PRIMARY KEY,
    place      BIGINT NOT NULL,         -- in the feed
    in_stock   BOOLEAN NOT NULL,
    properties JSONB NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX products_gone ON products (product_id) WHERE NOT in_stock;

-- Append-only: who said what about which topic, when and where. The topic '*'
-- is all of them.
CREATE TABLE consents (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    topic       TEXT NOT NULL,
    given       BOOLEAN NOT NULL,
    at          BIGINT NOT NULL,        -- from when on it holds
    recorded_at BIGINT NOT NULL,
    source      TEXT NOT NULL,
    email_hash  TEXT,                   -- of the address that it was said of
    text        TEXT NOT NULL DEFAULT '', -- which version of the words stood beside it
    proof       TEXT NOT NULL DEFAULT '', -- where it can be shown; empty: nowhere but here
    follows     BOOLEAN NOT NULL DEFAULT FALSE, -- nobody said it: it follows from another address of the customer's
    xid         XID8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX consents_customer ON consents (customer_id, topic, at, id);
-- By which the moments are found at which a segment may change.
CREATE INDEX consents_at ON consents (topic, at);
CREATE INDEX consents_fresh ON consents (xid);

-- By address, so that it outlives the customer and any new import.
CREATE TABLE suppressions (
    email_hash TEXT NOT NULL,
    topic      TEXT NOT NULL,           -- '*': all mail
    reason     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    PRIMARY KEY (email_hash, topic)
);

-- The mails that were asked for on a form or a page, by the address that they go to:
-- what limits them is kept for a day.
CREATE TABLE asked (
    email_hash TEXT NOT NULL,
    mail       TEXT NOT NULL,           -- the service mail
    at         BIGINT NOT NULL,
    write_key  BIGINT NOT NULL,         -- by which it came, from 1 on; 0: by none
    answered   BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX asked_address ON asked (email_hash, mail, at);
CREATE INDEX asked_key ON asked (mail, write_key, at);
CREATE INDEX asked_at ON asked (at);

-- How many were not mailed, by day and the limit that kept them back.
CREATE TABLE unasked (
    day       BIGINT NOT NULL,          -- since 1970, UTC
    mail      TEXT NOT NULL,
    write_key BIGINT NOT NULL,
    why       TEXT NOT NULL,            -- address, write_key
    count     BIGINT NOT NULL,
    at        BIGINT NOT NULL,          -- last
    PRIMARY KEY (day, mail, write_key, why)
);

-- The days on which an address was refused in a way that leaves hope.
CREATE TABLE soft_bounces (
    email_hash TEXT NOT NULL,
    reason     TEXT NOT NULL,
    day        BIGINT NOT NULL,         -- since 1970, UTC
    PRIMARY KEY (email_hash, reason, day)
);

-- Calls of providers' webhooks that are not to be taken twice, for some days.
CREATE TABLE webhook_calls (
    key  TEXT PRIMARY KEY,              -- the provider's name, and its own for the call
    body TEXT NOT NULL,                 -- a hash
    at   BIGINT NOT NULL
);
CREATE INDEX webhook_calls_at ON webhook_calls (at);

-- What providers' webhooks have said, and what was made of it.
CREATE TABLE webhook_counts (
    provider TEXT NOT NULL,
    event    TEXT NOT NULL,             -- the provider's word
    taken_as TEXT NOT NULL,             -- bounce, complaint, unsubscribe, delivered, nothing, unknown, no_mail
    count    BIGINT NOT NULL,
    at       BIGINT NOT NULL,           -- last
    PRIMARY KEY (provider, event, taken_as)
);

CREATE TABLE campaigns (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         TEXT NOT NULL UNIQUE,
    seed         TEXT NOT NULL,         -- its first name: draws survive a rename
    label        TEXT NOT NULL DEFAULT '',
    topic        TEXT NOT NULL DEFAULT '',  -- empty: transactional
    status       TEXT NOT NULL,
    version_id   BIGINT,
    loaded_at    BIGINT NOT NULL,
    activated_at BIGINT,                -- due moments at or before it never trigger
    watermark    BIGINT,                -- evaluated up to and with it
    cursor       TEXT NOT NULL DEFAULT '',
    hold_uncertain BOOLEAN NOT NULL DEFAULT FALSE, -- on_uncertain: hold
    priority     INTEGER NOT NULL DEFAULT 50,
    paused_at    BIGINT,                -- by hand or by the breaker: wins over status until it is resumed
    paused_why   TEXT NOT NULL DEFAULT '',
    resumed_at   BIGINT,                -- what the breaker looks at begins here
    removed_at   BIGINT
);

CREATE TABLE campaign_versions (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    hash        TEXT NOT NULL,
    source      TEXT NOT NULL,
    follows     TEXT NOT NULL,          -- the steps' ids, each with what follows it
    loaded_at   BIGINT NOT NULL,
    UNIQUE (campaign_id, hash)
);

-- What each tick that decided anything decided, for the fuse and the report.
CREATE TABLE ticks (
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    at          BIGINT NOT NULL,
    entered     INTEGER NOT NULL,
    held        TEXT NOT NULL,
    PRIMARY KEY (campaign_id, at)
);

-- What the fuse holds, and what was let through by hand: at most so many entries,
-- once.
CREATE TABLE fuses (
    campaign_id BIGINT PRIMARY KEY REFERENCES campaigns (id),
    entries     INTEGER NOT NULL,       -- what the last tick would have let in
    most        INTEGER NOT NULL,       -- what it may
    usual       DOUBLE PRECISION NOT NULL,
    since       BIGINT NOT NULL,        -- the first tick that was held
    at          BIGINT NOT NULL         -- the last one
);
CREATE TABLE releases (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    entries     INTEGER NOT NULL,       -- at most so many
    through     BIGINT NOT NULL,        -- as of that tick
    at          BIGINT NOT NULL,        -- when a person let them through
    used_at     BIGINT                  -- the tick that let them in; null: not yet
);

CREATE TABLE enrollments (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    key         TEXT NOT NULL,
    anchor_at   BIGINT NOT NULL,
    entered_at  BIGINT NOT NULL,        -- as of which it was decided
    decided_at  BIGINT NOT NULL,        -- the tick that decided it
    anchor      JSONB NOT NULL,         -- the anchor's properties
    state       TEXT NOT NULL CHECK (state IN ('running', 'finished', 'exited', 'held_out')),
    reason      TEXT NOT NULL DEFAULT '',
    step        TEXT NOT NULL DEFAULT '',
    wake_at     BIGINT,                 -- when to move on; null: when its message is done or never
    deadline    BIGINT,                 -- of a wait for a condition
    waits_since BIGINT,                 -- when such a wait began
    ended_at    BIGINT,
    end_decided_at BIGINT,              -- the tick that decided an end of before it; null: none, or then
    product     TEXT NOT NULL DEFAULT '',   -- what it is about, where the trigger is about a product
    asked       BOOLEAN NOT NULL DEFAULT FALSE, -- the customer asked for this very mail
    UNIQUE (campaign_id, key)
);
CREATE INDEX enrollments_customer ON enrollments (customer_id, campaign_id, entered_at);
CREATE INDEX enrollments_entered ON enrollments (campaign_id, entered_at);
CREATE INDEX enrollments_ended ON enrollments (campaign_id, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX enrollments_end_decided ON enrollments (campaign_id, end_decided_at) WHERE end_decided_at IS NOT NULL;
CREATE INDEX enrollments_wake ON enrollments (campaign_id, wake_at) WHERE state = 'running' AND wake_at IS NOT NULL;
CREATE INDEX enrollments_running ON enrollments (campaign_id, customer_id) WHERE state = 'running';

-- A slice is the part of a campaign's due messages that one task carries.
CREATE TABLE slices (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id BIGINT NOT NULL REFERENCES campaigns (id),
    lane        TEXT NOT NULL,
    queued_at   BIGINT NOT NULL,
    lease_until BIGINT
);
CREATE INDEX slices_queued ON slices (queued_at);

-- The ledger: every message ever decided, and what became of it.
CREATE TABLE messages (
    id            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    enrollment_id BIGINT NOT NULL REFERENCES enrollments (id) ON DELETE CASCADE,
    campaign_id   BIGINT NOT NULL REFERENCES campaigns (id),
    customer_id   BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    reached_at    BIGINT NOT NULL,      -- when its pass came to the step, which send_at counts from
    due_at        BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    token         BIGINT NOT NULL DEFAULT 0,   -- fences: every claim and every cancel raises it
    attempt       INTEGER NOT NULL DEFAULT 0,
    smtp_code     INTEGER NOT NULL DEFAULT 0,
    uncertain     INTEGER NOT NULL DEFAULT 0,  -- how often a hand-over ended without a reply
    duplicate     BOOLEAN NOT NULL DEFAULT FALSE, -- may have arrived twice
    state         TEXT NOT NULL CHECK (state IN ('pending', 'queued', 'claimed', 'handoff', 'accepted', 'failed', 'cancelled', 'uncertain')),
    -- The state as far as an index needs to know it. No index is on the state itself, so
    -- that what a message goes through on its way out leaves all of them alone.
    stage         TEXT COLLATE "C" GENERATED ALWAYS AS (CASE WHEN state IN ('queued', 'claimed', 'handoff') THEN 'moving' ELSE state END) STORED,
    step          TEXT NOT NULL,
    topic         TEXT NOT NULL,        -- empty: transactional
    lane          TEXT NOT NULL,
    reason        TEXT NOT NULL DEFAULT '',
    detail        TEXT NOT NULL DEFAULT '',
    gate          TEXT NOT NULL DEFAULT '',    -- what a pending one waits for, beside its due_at
    gate_by       TEXT NOT NULL DEFAULT '',    -- the campaign, event or domain at which it stands
    domain        TEXT NOT NULL DEFAULT '',    -- the recipient's, once its mail has waited for it, or step: and its step, once the step's sender was refused: the relay looks for such by it
    smtp_enhanced TEXT NOT NULL DEFAULT '',
    smtp_text     TEXT NOT NULL DEFAULT '',
    slice_id      BIGINT,
    lease_until   BIGINT,
    version_id    BIGINT,               -- of the campaign, at its last claim
    email_hash    TEXT,                 -- of the address that it was handed over for
    handoff_at    BIGINT,
    done_at       BIGINT,               -- accepted, failed or cancelled
    uncertain_at  BIGINT,
    links         INTEGER NOT NULL DEFAULT 0,  -- how many different tracked ones its mail has
    opened_at     BIGINT,               -- the first time by a person, as far as can be seen
    clicked_at    BIGINT,
    machine_opened_at  BIGINT,          -- the first time by anything else
    machine_clicked_at BIGINT,
    unsubscribed_at BIGINT,
    UNIQUE (enrollment_id, step)
) WITH (fillfactor = 60);
CREATE INDEX messages_pending ON messages (lane, domain, campaign_id, due_at, id) WHERE stage = 'pending';
CREATE INDEX messages_expiring ON messages (expires_at) WHERE stage = 'pending';
CREATE INDEX messages_slice ON messages (slice_id) WHERE stage = 'moving';
CREATE INDEX messages_uncertain ON messages (uncertain_at) WHERE stage = 'uncertain';
CREATE INDEX messages_customer ON messages (customer_id, stage, done_at);
-- Ends in their order, of which the breaker looks at the last ones.
CREATE INDEX messages_campaign ON messages (campaign_id, stage, done_at);

-- The links of service mails that were used: each works once.
CREATE TABLE used_links (
    message_id BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    used_at    BIGINT NOT NULL
);

-- Mails as their readers saw them, for those who open them in the browser: of mails
-- that have a link to it alone, and for 30 days.
CREATE TABLE sent_pages (
    message_id BIGINT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    at         BIGINT NOT NULL,
    page       BYTEA NOT NULL          -- HTML, packed with deflate
);
CREATE INDEX sent_pages_at ON sent_pages (at);

CREATE TABLE links (
    id          BIGINT PRIMARY KEY,     -- first 63 bits of the URL's SHA-256
    url         TEXT NOT NULL,
    customer_id BIGINT                  -- whose mails alone have had it; null: several customers' have
);
CREATE INDEX links_customer ON links (customer_id) WHERE customer_id IS NOT NULL;

-- What came back from mails, as it came: every request for a pixel or a link, with
-- who was there by the rules of that version. Those of people are events besides.
CREATE TABLE hits (
    id           BIGINT GENERATED ALWAYS AS IDENTITY,
    message_id   BIGINT NOT NULL,       -- who writes a row holds the message's lock; see messages_hits_go
    kind         TEXT NOT NULL CHECK (kind IN ('open', 'click')),
    link_id      BIGINT NOT NULL,       -- 0: the pixel
    at           BIGINT NOT NULL,
    after_accept BIGINT,                -- microseconds since a mail server took the mail; null: none is known to have
    method       TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    network      TEXT NOT NULL,         -- of the client: /24 or /48; empty: unknown
    purpose      TEXT NOT NULL,         -- the header by which browsers say that they load ahead
    grade        TEXT NOT NULL CHECK (grade IN ('human', 'proxy', 'prefetch', 'scanner')),
    reasons      TEXT NOT NULL,
    rules        INTEGER NOT NULL,      -- their version
    settled      BOOLEAN NOT NULL DEFAULT FALSE, -- graded by all that came around it too
    PRIMARY KEY (message_id, id)
);
CREATE INDEX hits_unsettled ON hits (at) WHERE NOT settled;

-- A foreign key would look each hit's message up once more, by far the most of what
-- storing it costs.
-- +goose StatementBegin
CREATE FUNCTION drop_hits() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM hits USING gone WHERE hits.message_id = gone.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER messages_hits_go AFTER DELETE ON messages REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION drop_hits();

-- How many more there were of a pixel or a link in an hour than are kept of one.
CREATE TABLE hits_shed (
    message_id BIGINT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    link_id    BIGINT NOT NULL,
    hour       BIGINT NOT NULL,         -- since 1970
    n          BIGINT NOT NULL,
    PRIMARY KEY (message_id, link_id, hour)
);

-- What ranks customers against each other, by the start of a day. A row of ranked
-- says that ranks has all of a kind and day; without one it is worked out.
CREATE TABLE ranks (
    kind  TEXT NOT NULL,                -- of what, with a hash of all that it is made by
    day   BIGINT NOT NULL,
    n     BIGINT NOT NULL,              -- the place, or which cut it is
    value DOUBLE PRECISION NOT NULL,    -- the customer's id, or the least value above the cut
    PRIMARY KEY (kind, day, n)
);

CREATE TABLE ranked (
    kind TEXT NOT NULL,
    day  BIGINT NOT NULL,
    PRIMARY KEY (kind, day)
);

-- When orders run out, by the rule that says so, as far as it lies after since and
-- the orders were visible at cursor. The rule '' stands for purchases.
CREATE TABLE supplied (
    rule    TEXT PRIMARY KEY,           -- a hash of what it is made by
    cursor  TEXT NOT NULL,
    since   BIGINT NOT NULL,
    used_at BIGINT NOT NULL             -- the last tick that looked
);

CREATE TABLE supplies (
    rule        TEXT NOT NULL,
    event_id    BIGINT NOT NULL,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    due_at      BIGINT NOT NULL,
    PRIMARY KEY (rule, event_id)
);
CREATE INDEX supplies_due ON supplies (rule, due_at);
CREATE INDEX supplies_customer ON supplies (customer_id);

-- What was bought of products, and which gap between two purchases was usual when
-- a UTC day began, 0 of too few.
CREATE TABLE purchases (
    product     TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    event_id    BIGINT NOT NULL,
    customer_id BIGINT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
    moment      BIGINT NOT NULL,        -- when it had happened and was known
    pieces      DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (product, occurred_at, event_id)
);
CREATE INDEX purchases_customer ON purchases (customer_id);

CREATE TABLE usual_gaps (
    product TEXT NOT NULL,
    day     BIGINT NOT NULL,
    gap     BIGINT NOT NULL,
    PRIMARY KEY (product, day)
);

-- Campaigns whose mails wait since a feed of events has gone quiet.
CREATE TABLE quiet_feeds (
    campaign_id BIGINT PRIMARY KEY REFERENCES campaigns (id),
    event       TEXT NOT NULL,
    heard_at    BIGINT NOT NULL,        -- the last of them
    since       BIGINT NOT NULL,        -- the first mail that waited
    at          BIGINT NOT NULL,        -- the last one
    told_at     BIGINT                  -- when a person was told
);

-- What has been let out to the queue of late, by what a rate is of: a provider, a
-- recipients' domain, a campaign, a sender.
CREATE TABLE spent (
    key TEXT NOT NULL,
    at  BIGINT NOT NULL,
    n   INTEGER NOT NULL,
    PRIMARY KEY (key, at)
);

-- Who has asked for less, or refuses us: a domain, a provider, of a sender's mail too.
-- Nothing is let out to it until then, and afterwards only so much as it takes.
CREATE TABLE throttles (
    key     TEXT PRIMARY KEY,
    since   BIGINT NOT NULL,            -- the first time
    at      BIGINT NOT NULL,            -- the last one: what was let out before says nothing new
    until   BIGINT NOT NULL,
    step    INTEGER NOT NULL,           -- how often in a row
    pace    INTEGER NOT NULL,           -- mails in 10 s from then on
    half    INTEGER NOT NULL,           -- half the pace of the last time, above which it grows slowly; 0: unknown
    taken   INTEGER NOT NULL,           -- mails accepted at this pace
    stopped BOOLEAN NOT NULL,           -- it refuses us: one mail now and then tries whether it still does
    reason  TEXT NOT NULL               -- what the server said
);

-- What persons did with the queue and with campaigns.
CREATE TABLE audit (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          BIGINT NOT NULL,
    who         TEXT NOT NULL,
    action      TEXT NOT NULL,          -- release, retry, cancel, pause, resume, suppress …
    campaign_id BIGINT,
    message_id  BIGINT,
    detail      TEXT NOT NULL DEFAULT ''
);

-- Work that one process does for all (the tick, the sweep) is leased, so that it
-- isn't done twice; nothing's correctness depends on it.
CREATE TABLE leases (
    name  TEXT PRIMARY KEY,
    owner TEXT NOT NULL,
    until BIGINT NOT NULL
);

-- +goose Down
DROP TABLE used_links, leases, audit, quiet_feeds, throttles, spent, usual_gaps, purchases, supplies, supplied, ranked, ranks, hits_shed, hits, sent_pages, links, messages, slices, enrollments, releases, fuses, ticks, campaign_versions, campaigns,
    webhook_counts, webhook_calls, soft_bounces, asked, unasked, suppressions, consents, products, catalogue_events, events, attribute_facts, identities, customers, meta;
DROP FUNCTION drop_hits;
