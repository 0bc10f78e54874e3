package store

import "sync"

// fewHits of one pixel or link in an hour are not asked the database about, for each
// process by itself.
const fewHits = 10

// oftenHit knows roughly what this process has seen a few hits of in an hour, in little
// memory: those that share a counter are taken for each other, and are asked about for
// nothing.
type oftenHit struct {
	mu   sync.Mutex
	hour int64
	seen []uint8
}

const oftenCounters = 1 << 18

// add tells whether there have been a few.
func (o *oftenHit) add(k hitKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = make([]uint8, oftenCounters)
	}
	if o.hour != k.hour {
		o.hour = k.hour
		clear(o.seen)
	}
	x := (uint64(k.message)*0x9E3779B97F4A7C15 ^ uint64(k.link)) * 0xD6E8FEB86659FD93
	n := &o.seen[x>>46]
	if *n < fewHits {
		*n++
		return false
	}
	return true
}
