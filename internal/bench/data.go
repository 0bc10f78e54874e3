package bench

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"sort"
	"strconv"
	"time"

	"tidings/internal/campaign"
)

// end is when the generated history ends; it is two years long.
var end = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const history = 2 * 365 * 24 * time.Hour

// shop makes up a history of realistic skew: few customers do most, few products
// are looked at most. How busy customers are is spread by a gamma distribution, as
// in the model by which repeat buying is described best: A. S. C. Ehrenberg, The
// Pattern of Consumer Purchases, Applied Statistics 8 (1959). With its shape of 0.4
// the busiest tenth does nearly half of it all, and of a million the busiest one
// some thirty times what the average does.
type shop struct {
	random   *rand.Rand
	products *rand.Zipf
	busy     []float64 // how much the customers up to each one do
	events   int       // made so far
}

const shape = 0.4

func newShop(customers int) *shop {
	random := rand.New(rand.NewPCG(1, 2))
	s := &shop{random: random, products: rand.NewZipf(random, 1.2, 8, 9999), busy: make([]float64, customers)}
	sum := 0.0
	for i := range s.busy {
		sum += s.gamma()
		s.busy[i] = sum
	}
	return s
}

// gamma draws from the distribution of that shape: by Marsaglia and Tsang, A Simple
// Method for Generating Gamma Variables, ACM TOMS 26 (2000), for the shape one
// higher, and their step down.
func (s *shop) gamma() float64 {
	d := shape + 1 - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := s.random.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(s.random.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v * math.Pow(s.random.Float64(), 1/shape)
		}
	}
}

// customer draws who does the next thing, from 1.
func (s *shop) customer() int {
	lot := s.random.Float64() * s.busy[len(s.busy)-1]
	return 1 + min(sort.SearchFloat64s(s.busy, lot), len(s.busy)-1)
}

// event is a row of the table of events.
type event struct {
	uid        string
	customer   int
	name       string
	at         int64
	properties string
}

// next is one more event, at a moment.
func (s *shop) next(at time.Time) event {
	s.events++
	e := event{uid: "e" + strconv.Itoa(s.events), at: campaign.Micros(at), customer: s.customer()}
	product, price := s.products.Uint64(), 5+float64(s.random.IntN(900))/10
	line := fmt.Sprintf(`{"product_id":"p%d","price":%.2f,"quantity":1,"category":"c%d"}`, product, price, product%40)
	switch n := s.random.IntN(100); {
	case n < 60:
		e.name, e.properties = campaign.ProductViewed, line
	case n < 75:
		e.name, e.properties = campaign.ProductAdded, line
	case n < 80:
		e.name, e.properties = campaign.CheckoutStarted, `{"products":[`+line+`]}`
	case n < 90:
		e.name = campaign.OrderCompleted
		e.properties = fmt.Sprintf(`{"order_id":"o%d","total":%.2f,"currency":"EUR","products":[%s]}`, s.events, price, line)
	default:
		e.name, e.properties = "Page Viewed", `{"path":"/"}`
	}
	return e
}

// spread are n events in (from, to], in the order of time.
func (s *shop) spread(n int, from, to time.Time) func(yield func(event) bool) {
	step := float64(to.Sub(from)) / float64(n)
	return func(yield func(event) bool) {
		for i := range n {
			if !yield(s.next(from.Add(time.Duration(float64(i+1) * step)))) {
				return
			}
		}
	}
}

// copyText writes events as PostgreSQL's COPY reads them. Nothing that is made up
// here holds a tab or a backslash.
func copyText(w io.Writer, events func(yield func(event) bool)) error {
	var failed error
	events(func(e event) bool {
		_, failed = fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%s\n", e.uid, e.customer, e.name, e.at, e.at, e.properties)
		return failed == nil
	})
	return failed
}
