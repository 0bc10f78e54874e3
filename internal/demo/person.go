package demo

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// seed makes the show what it is. Another one is another show.
const seed = 2010

// lot draws for one purpose about one customer, the same at every run and
// whatever else is drawn.
func lot(customer, purpose string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, customer+"\x00"+purpose)
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// Way is how a customer came to get mail.
type Way string

// The ways. Whoever said nothing is known, and gets no marketing mail.
const (
	OnTheList  Way = "list"     // known before the show begins, imported with consent
	AtCheckout Way = "checkout" // ticked the newsletter box with the first order
	BySignUp   Way = "sign-up"  // asked for the letter on the site
	Silent     Way = "silent"   // said nothing
)

// Person is a made-up customer around a real number, or one who only looks.
type Person struct {
	ID          string
	First, Last string // First may be empty
	Email       string // below example.com
	Locale      string
	Timezone    string
	Country     string // ISO 3166
	Way         Way
	Since       time.Time // when the shop learned of them
	Orders      []Order   // all of them; none for who only looks
}

// onTheList is for how long after the beginning a first order is taken to be of
// somebody whom the shop knew before; lookers is how many sign up and never buy.
const (
	onTheList = 10 * 24 * time.Hour
	lookers   = 180
)

// People are the customers of a history, in the order of their first orders, and
// after them those who only look.
func People(h *History) []*Person {
	var out []*Person
	of := map[string]*Person{}
	for _, o := range h.Orders {
		p := of[o.Customer]
		if p == nil {
			p = newPerson(o.Customer)
			p.arrive(h.Begin(), o.At)
			of[o.Customer] = p
			out = append(out, p)
		}
		p.Orders = append(p.Orders, o)
	}
	length := h.End().Sub(h.Begin())
	for i := range lookers {
		p := newPerson(fmt.Sprintf("visitor-%d", i+1))
		r := lot(p.ID, "arrival")
		p.Way = BySignUp
		p.Since = h.Begin().Add(time.Duration(float64(length) * r.Float64())).Truncate(time.Second)
		out = append(out, p)
	}
	return out
}

func newPerson(id string) *Person {
	r := lot(id, "person")
	home := pick(r, regions())
	first, last := home.first[r.IntN(len(home.first))], home.last[r.IntN(len(home.last))]
	p := &Person{ID: id, First: first.own, Last: last.own, Locale: home.locale, Timezone: home.zone, Country: home.country}
	number := strings.TrimPrefix(id, "visitor-")
	p.Email = fmt.Sprintf("%s.%s.%s@example.com", first.plain, last.plain, number)
	if number != id {
		p.Email = fmt.Sprintf("%s.%s.v%s@example.com", first.plain, last.plain, number)
	}
	if r.Float64() < 0.07 { // some leave the name field empty
		p.First, p.Last = "", ""
		p.Email = "mail." + id + "@example.com"
	}
	return p
}

func pick(r *rand.Rand, all []region) region {
	n := r.IntN(100)
	for _, one := range all {
		if n -= one.weight; n < 0 {
			return one
		}
	}
	return all[0]
}

// arrive decides how and when the shop learned of somebody whose first order is
// at first.
func (p *Person) arrive(begin, first time.Time) {
	r := lot(p.ID, "arrival")
	x := r.Float64()
	switch {
	case x < 0.25:
		p.Way, p.Since = Silent, first
	case first.Sub(begin) < onTheList:
		p.Way, p.Since = OnTheList, begin
	case x < 0.45:
		before := time.Duration((0.5 + 9*r.Float64()) * float64(24*time.Hour)).Truncate(time.Second)
		p.Way, p.Since = BySignUp, first.Add(-before)
	default:
		p.Way, p.Since = AtCheckout, first
	}
}

// List is the file of those who are known when the show begins, as `tidings
// import customers` reads it.
func List(people []*Person) io.Reader {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	// A buffer takes everything.
	_ = w.Write([]string{"id", "email", "first_name", "last_name", "locale", "timezone", "country", "consent"})
	for _, p := range people {
		if p.Way == OnTheList {
			_ = w.Write([]string{p.ID, p.Email, p.First, p.Last, p.Locale, p.Timezone, p.Country, "newsletter box at checkout"})
		}
	}
	w.Flush()
	return &b
}
