"""A day by hand: what by_hand.py asks of DuckDB, step by step; {…} is filled in by the script.

Keys are read as 16 bytes and claims numbered, so that no join is on text.
"""

from __future__ import annotations

ROWS = """
CREATE TABLE {kind} AS
SELECT l.* EXCLUDE (file_id, record_key, customer_key), f.file, f.institution, f.feed,
    l.record_key::UUID AS record_key, l.customer_key::UUID AS customer, f.file * 4294967296 + l.line AS place
FROM read_parquet({files}) AS l
JOIN file AS f USING (file_id);
"""
"""One kind of landed rows; `place` tells the later of two of one record key."""
BEATEN = """
CREATE TABLE beaten AS
WITH bill AS (
    SELECT file, feed, bill_of, first_day::DATE AS first_day, last_day::DATE AS last_day,
        row_number() OVER (ORDER BY exported_at::TIMESTAMPTZ, file) AS turn
    FROM file
    WHERE is_whole
)
SELECT DISTINCT p.place
FROM payment AS p
JOIN bill AS b USING (file)
JOIN bill AS o ON b.bill_of = o.bill_of AND b.feed = o.feed AND o.turn > b.turn
    AND p.act_date BETWEEN o.first_day AND o.last_day;
"""
"""Rows of a whole bill on days that another of the customer and feed covers, which was exported later."""
RECORDS = """
CREATE TABLE {kind}_last AS
SELECT max(place) AS place
FROM {kind}
WHERE error_code IS NULL AND ignore_rule IS NULL AND place NOT IN (SELECT place FROM beaten)
GROUP BY record_key;

CREATE VIEW {kind}_record AS SELECT * FROM {kind} SEMI JOIN {kind}_last USING (place);
"""
"""The rows that count, the last one of each record key."""
CLAIMS = """
CREATE TABLE ride AS
WITH turned AS (
    SELECT t.*, p.scenario, p.max_ride_seconds, p.duplicate_seconds,
        row_number() OVER gate - row_number() OVER (
            PARTITION BY customer, t.institution, t.feed, direction ORDER BY occurred_at_unix, direction, record_key
        ) AS turn
    FROM tap_record AS t
    JOIN pairing AS p ON t.institution = p.institution AND t.feed = p.feed
    WINDOW gate AS (
        PARTITION BY customer, t.institution, t.feed ORDER BY occurred_at_unix, direction, record_key
    )
),
kept AS (
    SELECT *
    FROM turned
    QUALIFY coalesce(occurred_at_unix - lag(occurred_at_unix) OVER (
        PARTITION BY customer, institution, feed, direction, turn, station
        ORDER BY occurred_at_unix, record_key
    ) > duplicate_seconds, true)
),
beside AS (
    SELECT *, lead(direction) OVER gate AS after, lead(occurred_at_unix) OVER gate AS until,
        lead(station) OVER gate AS exit_station, lead(amount_fen) OVER gate AS fare
    FROM kept
    WINDOW gate AS (PARTITION BY customer, institution, feed ORDER BY occurred_at_unix, direction, record_key)
)
SELECT b.record_key, b.institution, b.feed, customer, scenario, 'ride' AS claim_kind, occurred_at_unix AS begins, until,
    'second' AS time_precision, act_date, d.quantity_micro, fare AS amount_fen, region
FROM beside AS b
LEFT JOIN distances AS d
    ON b.institution = d.institution AND b.station = d.from_station AND b.exit_station = d.to_station
WHERE direction = 'entry' AND after = 'exit' AND until - occurred_at_unix <= max_ride_seconds;

CREATE TABLE claim AS
WITH every AS (
    SELECT * FROM ride
    UNION ALL BY NAME
    SELECT record_key, institution, feed, customer, scenario, claim_kind, occurred_at_unix AS begins,
        coalesce(ended_at_unix, occurred_at_unix) AS until, time_precision, act_date, quantity_micro, amount_fen, region
    FROM act_record
    UNION ALL BY NAME
    SELECT record_key, institution, feed, customer, scenario, claim_kind, occurred_at_unix AS begins,
        occurred_at_unix AS until, time_precision, act_date, quantity_micro, amount_fen, region, wallet, merchant_code,
        merchant_code_source, refers_to_key::UUID AS refers_to, refunded_fen, is_full_refund
    FROM payment_record
)
SELECT row_number() OVER ()::INTEGER AS claim, *, time_precision = 'day' AS is_day,
    begins + CASE WHEN time_precision = 'day' THEN 86399 ELSE 0 END AS needs_until
FROM every;
"""
EVIDENCE = """
CREATE TABLE holder AS
SELECT row_number() OVER ()::INTEGER - 1 AS holder, customer
FROM (SELECT DISTINCT customer FROM registration_record UNION SELECT customer FROM claim)
ORDER BY customer;

CREATE TABLE latest AS
SELECT r.*, h.holder
FROM registration_record AS r
JOIN holder AS h USING (customer)
QUALIFY row_number() OVER (PARTITION BY r.customer ORDER BY registered_at_unix DESC, record_key) = 1;

CREATE TABLE held AS
SELECT 0 AS level, holder, subject_kind || citizen_id_token AS token FROM latest WHERE citizen_id_token IS NOT NULL
UNION ALL
SELECT 1, holder, subject_kind || unnest(string_split(card_tokens, ' ')) FROM latest WHERE card_tokens IS NOT NULL
UNION ALL
SELECT 2, holder, subject_kind || phone_token FROM latest WHERE phone_token IS NOT NULL;
"""
"""(customer, token) of every level of the latest registrations; customers who only act stand alone."""
CONSENT = """
CREATE TABLE given AS
WITH decided AS (
    SELECT customer, s.scope, at_unix, bool_and(is_given) AS is_given
    FROM consent_record AS c
    JOIN (SELECT DISTINCT scope FROM feeds) AS s ON c.scope = s.scope OR c.scope = 'all'
    GROUP BY ALL
),
turned AS (
    SELECT *
    FROM decided
    QUALIFY lag(is_given) OVER (PARTITION BY customer, scope ORDER BY at_unix) IS DISTINCT FROM is_given
)
SELECT customer, scope, at_unix AS since, is_given,
    coalesce(lead(at_unix) OVER (PARTITION BY customer, scope ORDER BY at_unix), 9007199254740992) AS until
FROM turned;

CREATE TABLE report AS
WITH ruled AS (
    SELECT c.claim, c.record_key, c.customer, c.institution, c.scenario, c.claim_kind, c.begins, c.until, c.needs_until,
        c.is_day, c.act_date, c.amount_fen, c.merchant_code, c.merchant_code_source, c.refunded_fen, c.is_full_refund,
        m.person, f.slot, f.is_evidence, f.is_spend, f.is_proven AND claim_kind <> 'payment' AS is_proven, f.lag_days,
        f.window_seconds, f.matches_amount, f.proof = 'payment' AS is_paid, f.scope, f.usual_code, f.is_brought,
        CASE WHEN f.is_wallet THEN c.institution ELSE c.wallet END AS through, c.quantity_micro,
        f.missing_quantity_micro, coalesce(p.region, c.region) AS region
    FROM claim AS c
    JOIN member AS m USING (customer)
    JOIN feeds AS f ON c.scenario = f.family AND c.institution = f.institution AND c.feed = f.feed
        AND c.act_date >= f.valid_from AND c.act_date < f.valid_to
    LEFT JOIN places AS p ON c.region = '000000' AND c.scenario = p.scenario AND c.act_date >= p.valid_from
        AND c.act_date < p.valid_to
    WHERE f.slot IS NOT NULL AND claim_kind <> 'refund'
)
SELECT r.* EXCLUDE (needs_until, scope, is_brought), g.since
FROM ruled AS r
LEFT JOIN given AS g
    ON r.customer = g.customer AND r.scope = g.scope AND g.is_given AND g.since <= r.begins AND g.until > r.needs_until
WHERE is_brought OR g.customer IS NOT NULL;
"""
MATCH = """
CREATE TABLE anchor AS
SELECT claim AS grp, claim, person, scenario, slot, institution, through, begins, until, act_date, amount_fen, is_evidence,
    is_spend, is_proven
FROM report
WHERE false;

CREATE TABLE joined AS SELECT claim, claim AS grp, slot FROM report WHERE false;
"""
"""What the most trusted feed of a kind of act reports stands as a group of its own."""
PAIRS = """
CREATE OR REPLACE TABLE pair AS
SELECT a.claim, g.grp, CASE WHEN g.is_evidence THEN 1000000000 ELSE 0 END + {distance} AS distance
FROM report AS a
JOIN anchor AS g ON a.person = g.person AND a.scenario = g.scenario AND {near}
    AND (NOT a.matches_amount OR a.amount_fen IS NULL OR g.amount_fen IS NULL OR a.amount_fen = g.amount_fen{proven})
    AND NOT coalesce(a.through <> g.through, false)
    AND (coalesce(a.through = coalesce(g.through, g.institution), false) OR NOT (a.is_spend OR g.is_evidence))
WHERE a.slot = {slot} AND a.is_day = {is_day} AND a.claim_kind <> 'reading'
    AND g.grp NOT IN (SELECT grp FROM joined WHERE slot = {slot});

CREATE OR REPLACE TABLE won AS SELECT claim, grp FROM pair WHERE false;
"""
"""Every pair that may be one act: precise claims by time, those of a day by date and booking lag."""
NEAREST = """
CREATE OR REPLACE TABLE best AS
SELECT claim, grp
FROM pair
QUALIFY row_number() OVER (PARTITION BY claim ORDER BY distance, grp) = 1
    AND row_number() OVER (PARTITION BY grp ORDER BY distance, claim) = 1;

INSERT INTO won SELECT * FROM best;

DELETE FROM pair WHERE claim IN (SELECT claim FROM best) OR grp IN (SELECT grp FROM best);
"""
"""Pairs that are the nearest of both their ends; what they leave is asked again."""
JOIN = """
INSERT INTO joined SELECT claim, grp, {slot} FROM won;

UPDATE anchor AS n
SET is_evidence = n.is_evidence AND a.is_evidence, is_proven = n.is_proven AND a.amount_fen IS NULL,
    through = coalesce(n.through, a.through),
    amount_fen = CASE
        WHEN n.is_proven THEN coalesce(a.amount_fen, n.amount_fen)
        ELSE coalesce(n.amount_fen, a.amount_fen)
    END
FROM won AS w, report AS a
WHERE n.grp = w.grp AND w.claim = a.claim
    AND (
        n.is_evidence > a.is_evidence OR n.is_proven AND a.amount_fen IS NOT NULL
        OR n.through IS NULL AND a.through IS NOT NULL OR n.amount_fen IS NULL AND a.amount_fen IS NOT NULL
    );
"""
ALONE = """
INSERT INTO anchor
SELECT claim, claim, person, scenario, slot, institution, through, begins, until, act_date, amount_fen, is_evidence,
    is_spend, is_proven
FROM report
WHERE slot = {slot} AND is_day = {is_day} AND claim_kind <> 'reading' AND claim NOT IN (SELECT claim FROM won);

INSERT INTO joined
SELECT claim, claim, {slot}
FROM report
WHERE slot = {slot} AND is_day = {is_day} AND claim_kind <> 'reading' AND claim NOT IN (SELECT claim FROM won);
"""
OUTCOMES = """
CREATE TABLE reading AS
WITH spans AS (
    SELECT person, scenario, act_date, customer, slot, since, arg_max(claim, quantity_micro) AS claim,
        max(quantity_micro) - CASE
            WHEN since <= epoch(act_date) - 28800 THEN 0 ELSE min(quantity_micro)
        END AS counted
    FROM report
    WHERE claim_kind = 'reading'
    GROUP BY person, scenario, act_date, customer, slot, since
)
SELECT arg_max(claim, counted) AS claim, sum(counted)::BIGINT AS counted
FROM spans
GROUP BY person, scenario, act_date, customer, slot
QUALIFY row_number() OVER (
    PARTITION BY person, scenario, act_date ORDER BY sum(counted) <= 0, slot, sum(counted) DESC, customer
) = 1;

CREATE TABLE back AS
SELECT o.claim, bool_or(coalesce(r.is_full_refund, false)) OR coalesce(
        sum(r.amount_fen) FILTER (r.is_full_refund IS NULL) >= any_value(o.amount_fen), false
    ) AS is_whole,
    sum(r.amount_fen) FILTER (NOT coalesce(r.is_full_refund, false))::BIGINT AS fen
FROM claim AS r
JOIN claim AS o ON r.refers_to = o.record_key
WHERE r.claim_kind = 'refund' AND o.claim_kind <> 'refund'
GROUP BY o.claim;

CREATE TABLE fact AS
WITH grouped AS (
    SELECT grp, claim FROM joined
    UNION ALL SELECT claim, claim FROM reading
)
SELECT r.* EXCLUDE (begins, until, lag_days, window_seconds, matches_amount, through, since, quantity_micro), g.grp,
    coalesce(d.counted, r.quantity_micro, r.missing_quantity_micro) AS quantity_micro,
    coalesce(b.is_whole, false) OR coalesce(r.is_full_refund, false) AS is_taken_back,
    greatest(coalesce(b.fen, 0), coalesce(r.refunded_fen, 0)) AS back_fen
FROM report AS r
LEFT JOIN grouped AS g USING (claim)
LEFT JOIN reading AS d USING (claim)
LEFT JOIN back AS b USING (claim);

CREATE TABLE led AS
SELECT grp, arg_min(claim, (slot, is_day, claim)) FILTER (NOT is_evidence) AS lead,
    bool_or(is_taken_back AND is_paid) AS is_cancelled
FROM fact
WHERE grp IS NOT NULL
GROUP BY grp;

CREATE TABLE activity AS
SELECT f.claim, f.record_key, f.person, f.institution, f.scenario, f.act_date, f.region, f.quantity_micro,
    f.amount_fen, l.lead,
    CASE
        WHEN l.is_cancelled OR f.is_taken_back THEN 'refunded'
        WHEN l.lead IS NULL THEN 'evidence'
        WHEN l.lead <> f.claim OR f.grp IS NULL THEN 'absorbed'
        WHEN f.is_spend THEN 'evidence'
        WHEN coalesce(f.quantity_micro, 0) <= 0 THEN 'withheld'
        ELSE 'credited'
    END AS outcome
FROM fact AS f
LEFT JOIN led AS l USING (grp);
"""
"""The day's running totals of a person are one act: what the account that tells of most counted while it was agreed to."""
LEDGER = """
CREATE TABLE spent AS
WITH ranked AS (
    SELECT *, row_number() OVER (PARTITION BY grp ORDER BY is_evidence, slot, is_day, record_key) AS turn,
        CASE merchant_code_source
            WHEN 'mcc' THEN 1 WHEN 'merchant_number' THEN 2 WHEN 'merchant_rule' THEN 3 ELSE 4
        END AS told
    FROM fact
    WHERE grp IS NOT NULL
)
SELECT arg_min(claim, turn) AS claim, bool_or(is_taken_back) AS is_taken_back,
    arg_min(amount_fen, (is_proven, turn)) FILTER (amount_fen IS NOT NULL) - max(back_fen) AS spend_fen,
    coalesce(
        arg_min(merchant_code, (told, turn)) FILTER (merchant_code IS NOT NULL), max(usual_code)
    ) AS merchant_code
FROM ranked
GROUP BY grp
HAVING max(amount_fen) IS NOT NULL;

CREATE TABLE ledger AS
SELECT a.record_key AS position, 'reduction_mg' AS measure, a.person,
    a.quantity_micro * r.micrograms_per_unit // 1000000000 AS amount, a.act_date, a.scenario, a.region, a.institution,
    r.factor_id
FROM activity AS a
JOIN rates AS r ON a.scenario = r.scenario AND a.region = r.region AND {reporter} = r.reporter
    AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
WHERE outcome = 'credited'
UNION ALL
SELECT a.record_key, 'emission_mg', a.person, (s.spend_fen * r.micrograms_per_fen + 999) // 1000, a.act_date,
    a.scenario, a.region, a.institution, r.factor_id
FROM spent AS s
JOIN activity AS a USING (claim)
JOIN spend_rates AS r ON s.merchant_code = r.merchant_code AND a.act_date >= r.valid_from AND a.act_date < r.valid_to
WHERE s.spend_fen > 0 AND NOT s.is_taken_back;

DELETE FROM ledger WHERE amount = 0;

CREATE TABLE balance AS
SELECT person, measure, scenario, institution, sum(amount)::BIGINT AS amount, count(*) AS entries
FROM ledger
GROUP BY ALL;
"""
