package audience

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// rfm: customers who ordered within a time (a year, unless the workspace says
// otherwise) before the day's start are scored by how recent their last order is
// (r), how many orders they made in that time (f) and what those came to (m),
// from 1 to 5. By quintiles: 1 and a fifth of those scored for each point, the
// part of them who do worse counted, so that equal customers score alike:
//
//	1 + floor(5 × number of those who do worse / number of all)
//
// Or by four cut points of the workspace's own. All of it over net orders. The
// method is Arthur Hughes', "Strategic Database Marketing".
//
// A score comes from four cuts, the least values that score 2, 3, 4 and 5: they
// are all that is to be known of everybody else.

// rfmDimensions are the letters, with what each is over net orders n.
var rfmDimensions = []struct{ letter, value string }{
	{"r", "max(n.at)"}, {"f", "count(*)"}, {"m", ordersTotal},
}

// rfmWithin is how long back orders count for a score.
func (b *builder) rfmWithin() campaign.Duration {
	if within := b.cat.Workspace.RFM.Within; !within.IsZero() {
		return within
	}
	return campaign.Days(365)
}

// cut is the name of a dimension's column that holds the least value of a score.
func cut(letter string, score int) string { return letter + strconv.Itoa(score) }

// rfmScore is a score of the customer x, null for those who are not scored.
func (b *builder) rfmScore(letter string) (string, error) {
	cuts, err := b.cuts()
	if err != nil {
		return "", err
	}
	var value string
	for _, d := range rfmDimensions {
		if d.letter == letter {
			value = "CASE WHEN count(*) > 0 THEN " + d.value + " END"
		}
	}
	if b.whole != nil {
		days, err := b.rankDays()
		if err != nil {
			return "", err
		}
		at := b.int(campaign.Micros(days[0]))
		since := b.int(campaign.Micros(b.rfmWithin().Before(days[0])))
		v, err := b.ofOrdersIn("rfm."+letter, value, "NULL", orderSpan{asOf: at, since: since})
		return score(v, func(n int) string { return "(SELECT k." + cut(letter, n) + " FROM " + cuts + " k)" }), err
	}
	orders, err := b.netOrders(orderSpan{customer: "x.customer_id", asOf: "k.day", since: "k.since"})
	if err != nil {
		return "", err
	}
	// The value is a subquery of its own so that it sees the day's row.
	return "(SELECT " + score("s.v", func(n int) string { return "s.c" + strconv.Itoa(n) }) + " FROM (SELECT (SELECT " + value + " FROM " + orders + " n) AS v, " +
		"k." + cut(letter, 2) + " AS c2, k." + cut(letter, 3) + " AS c3, k." + cut(letter, 4) + " AS c4, k." + cut(letter, 5) + " AS c5 FROM " +
		cuts + " k WHERE k.day <= " + b.now() + " ORDER BY k.day DESC LIMIT 1) s)", nil
}

// score counts the cuts that a value reaches; one that nobody reached is null.
func score(value string, cut func(int) string) string {
	s := "(CASE WHEN " + value + " IS NOT NULL THEN 1"
	for n := 2; n <= 5; n++ {
		s += " + CASE WHEN " + value + " >= " + cut(n) + " THEN 1 ELSE 0 END"
	}
	return s + " END)"
}

// cuts is the name of a table with the cuts of each day: day, since, r2 … m5.
func (b *builder) cuts() (string, error) {
	days, err := b.rankDays()
	if err != nil {
		return "", err
	}
	kind, err := b.rankKind(ranking{})
	if err != nil {
		return "", err
	}
	var parts []string
	for _, day := range days {
		worked, err := b.cutsOf(day)
		if err != nil {
			return "", err
		}
		var columns []string
		n := 0
		for _, d := range rfmDimensions {
			for s := 2; s <= 5; s++ {
				n++
				columns = append(columns, fmt.Sprintf("max(CASE WHEN v.n = %d THEN v.value END) AS %s", n, cut(d.letter, s)))
			}
		}
		at, since := b.int(campaign.Micros(day)), b.int(campaign.Micros(b.rfmWithin().Before(day)))
		parts = append(parts, b.keptOrWorked(kind, day,
			"SELECT c.* FROM (SELECT "+at+" AS day, "+since+" AS since, "+strings.Join(columns, ", ")+" FROM ranks v WHERE v.kind = "+b.text(kind)+" AND v.day = "+at+") c",
			"SELECT c.* FROM (SELECT "+at+" AS day, "+since+" AS since, w.* FROM ("+worked+") w) c")...)
	}
	return b.with("cuts", "("+strings.Join(parts, " UNION ALL ")+")"), nil
}

// cutRows are the cuts of a day as rows n, value; n counts r2, r3 … m5 from 1.
func (b *builder) cutRows(day time.Time) (string, error) {
	worked, err := b.cutsOf(day)
	w := b.with("cuts", "("+worked+")")
	var rows []string
	for _, d := range rfmDimensions {
		for s := 2; s <= 5; s++ {
			rows = append(rows, fmt.Sprintf("SELECT %d AS n, w.%s AS value FROM %s w", len(rows)+1, cut(d.letter, s), w))
		}
	}
	return strings.Join(rows, " UNION ALL "), err
}

// cutsOf works the cuts of a day out: r2 … m5, in one row.
func (b *builder) cutsOf(day time.Time) (string, error) {
	given := b.givenCuts(day)
	var ranks, columns []string
	for _, d := range rfmDimensions {
		if len(given[d.letter]) == 0 {
			ranks = append(ranks, fmt.Sprintf("1 + 5 * (rank() OVER (ORDER BY t.%[1]s) - 1) / count(*) OVER () AS %[1]s_score", d.letter))
		}
		for s := 2; s <= 5; s++ {
			column := fmt.Sprintf("min(CASE WHEN t.%[1]s_score >= %[2]d THEN t.%[1]s END)", d.letter, s)
			if own := given[d.letter]; len(own) > 0 {
				column = b.float(own[s-2])
			}
			if b.engine == Postgres {
				column = "(" + column + ")::float8"
			}
			columns = append(columns, column+" AS "+cut(d.letter, s))
		}
	}
	if len(ranks) == 0 {
		return "SELECT " + strings.Join(columns, ", "), nil
	}
	orders, err := b.netOrders(orderSpan{asOf: b.int(campaign.Micros(day)), since: b.int(campaign.Micros(b.rfmWithin().Before(day)))})
	var values []string
	for _, d := range rfmDimensions {
		values = append(values, d.value+" AS "+d.letter)
	}
	return "SELECT " + strings.Join(columns, ", ") + " FROM (SELECT t.*, " + strings.Join(ranks, ", ") + " FROM (SELECT " + strings.Join(values, ", ") +
		" FROM " + orders + " n GROUP BY n.customer_id) t) t", err
}

// givenCuts are the workspace's own cut points, as values of each dimension:
// moments in microseconds, numbers of orders, amounts in millionths.
func (b *builder) givenCuts(day time.Time) map[string][]float64 {
	rfm := b.cat.Workspace.RFM
	given := map[string][]float64{}
	if len(rfm.Recency) == 4 {
		for i := range rfm.Recency {
			given["r"] = append(given["r"], float64(campaign.Micros(rfm.Recency[3-i].Before(day))))
		}
	}
	if len(rfm.Frequency) == 4 {
		given["f"] = rfm.Frequency
	}
	if len(rfm.Monetary) == 4 {
		for _, amount := range rfm.Monetary {
			given["m"] = append(given["m"], amount*1e6)
		}
	}
	return given
}
