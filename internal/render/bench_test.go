package render_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
)

// batch is how many mails the best time is taken of: so few that other work on the
// machine leaves some batches alone.
const batch = 25

// BenchmarkMail renders the mails that a broadcast and a cart campaign send, in
// the form for servers that take 8 bits and in the one for others.
func BenchmarkMail(b *testing.B) {
	for _, kind := range []struct{ name, dir, campaign string }{
		{"broadcast", "../bench/mailing", ""},
		{"products", "../..", "abandoned-cart"},
	} {
		cat, r, s := workspace(b, kind.dir)
		for _, camp := range cat.Campaigns {
			if kind.campaign != "" && camp.Name != kind.campaign {
				continue
			}
			o := outgoing(b, camp, campaign.NewProgram(camp.Steps).Nodes[0].Step.ID, "en")
			if kind.campaign == "" {
				o.Trigger = nil // a letter by calendar has none
			}
			for _, seven := range []bool{false, true} {
				name := kind.name + "/8bit"
				if seven {
					name = kind.name + "/quoted-printable"
				}
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					size, from, best := 0, cpu(), time.Hour
					for n, since := 0, time.Now(); b.Loop(); n++ {
						e, err := r.Render(o, s)
						if err != nil {
							b.Fatal(err)
						}
						size = len(e.Body)
						if seven && e.SevenBit != nil {
							size = len(e.SevenBit())
						}
						if n%batch == batch-1 {
							now := time.Now()
							best, since = min(best, now.Sub(since)), now
						}
					}
					b.ReportMetric(float64(best.Nanoseconds())/1000/batch, "best-µs/mail")
					b.ReportMetric(float64(size), "bytes/mail")
					b.ReportMetric(float64((cpu()-from).Nanoseconds())/1000/float64(b.N), "cpu-µs/mail")
				})
			}
			break
		}
	}
}
