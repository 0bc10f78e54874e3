package audience

import (
	"encoding/hex"
	"math"
	"strconv"

	"tidings/internal/campaign"
)

// lots is how many lots there are: campaign.Draw is one of them, divided by it.
const lots = 1 << 53

// sample holds for the customers whose draw lies below the share.
func (b *builder) sample(s campaign.Sample) (string, error) {
	share := float64(s.Share)
	switch {
	case !(share > 0):
		return sqlFalse, nil
	case share > 1:
		share = 1
	}
	below := func(ref string) string {
		return b.draw("sample\x00"+s.Seed, ref) + " < " + b.int(int64(math.Ceil(share*lots)))
	}
	if b.whole != nil {
		return below(ref("x.external_id", "x.customer_id")), nil
	}
	return sure("(SELECT " + below(ref("c.external_id", "c.id")) + " FROM customers c WHERE c.id = x.customer_id)"), nil
}

// draw is campaign.Draw of the parts (joined by NUL, as they may hold any byte)
// and a text, as a whole number of lots.
func (b *builder) draw(parts, last string) string {
	before := b.text(hex.EncodeToString([]byte(parts)))
	if b.engine == SQLite {
		return drawFunction + "(" + before + ", " + last + ")"
	}
	sum := "sha256(decode(" + before + `, 'hex') || '\x00'::bytea || convert_to(` + last + ", 'UTF8'))"
	// Go takes the first 53 of the sum's bits.
	return "(('x' || encode(substring(" + sum + " FROM 1 FOR 7), 'hex'))::bit(56)::bigint >> " + strconv.Itoa(56-53) + ")"
}

// ref is CustomerRef of the columns that hold a customer's ids.
func ref(external, id string) string {
	return "COALESCE(NULLIF(" + external + ", ''), '#' || CAST(" + id + " AS TEXT))"
}
