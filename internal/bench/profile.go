package bench

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Parts splits the processor time of a CPU profile by what each stack was doing:
// the innermost call whose name begins as one of rules says, the first of them.
// What no rule knows is "runtime" if the stack is Go's own, else "other". The
// shares add up to 1.
func Parts(profile []byte, rules [][2]string) (map[string]float64, error) {
	p, err := parseProfile(profile)
	if err != nil {
		return nil, fmt.Errorf("read the CPU profile: %w", err)
	}
	total, out := 0.0, map[string]float64{}
	for _, s := range p.samples {
		out[p.part(s.stack, rules)] += s.value
		total += s.value
	}
	for k := range out {
		out[k] /= total
	}
	return out, nil
}

// profile is what Parts needs of a profile in pprof's format.
type profile struct {
	samples   []sample
	locations map[uint64][]uint64 // function ids, innermost first
	functions map[uint64]uint64   // index of the name
	names     []string
}

type sample struct {
	stack []uint64 // location ids, innermost first
	value float64  // nanoseconds
}

func (p *profile) part(stack []uint64, rules [][2]string) string {
	name := ""
	for _, at := range stack {
		for _, call := range p.locations[at] {
			if i := p.functions[call]; i < uint64(len(p.names)) {
				name = p.names[i]
			}
			for _, r := range rules {
				if strings.HasPrefix(name, r[0]) {
					return r[1]
				}
			}
		}
	}
	if strings.HasPrefix(name, "runtime.") {
		return "runtime"
	}
	return "other"
}

func parseProfile(raw []byte) (*profile, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if raw, err = io.ReadAll(z); err != nil {
		return nil, err
	}
	p := &profile{locations: map[uint64][]uint64{}, functions: map[uint64]uint64{}}
	err = fields(raw, func(field int, n uint64, b []byte) error {
		switch field {
		case 2:
			return p.sample(b)
		case 4:
			return p.location(b)
		case 5:
			return p.function(b)
		case 6:
			p.names = append(p.names, string(b))
		}
		return nil
	})
	return p, err
}

func (p *profile) sample(raw []byte) error {
	var s sample
	var values []uint64
	err := fields(raw, func(field int, n uint64, b []byte) (err error) {
		switch field {
		case 1:
			s.stack, err = numbers(s.stack, n, b)
		case 2:
			values, err = numbers(values, n, b)
		}
		return err
	})
	if err == nil && len(values) > 0 {
		s.value = float64(values[len(values)-1])
		p.samples = append(p.samples, s)
	}
	return err
}

func (p *profile) location(raw []byte) error {
	var id uint64
	var calls []uint64
	err := fields(raw, func(field int, n uint64, b []byte) error {
		switch field {
		case 1:
			id = n
		case 4:
			return fields(b, func(field int, n uint64, _ []byte) error {
				if field == 1 {
					calls = append(calls, n)
				}
				return nil
			})
		}
		return nil
	})
	p.locations[id] = calls
	return err
}

func (p *profile) function(raw []byte) error {
	var id uint64
	return fields(raw, func(field int, n uint64, _ []byte) error {
		switch field {
		case 1:
			id = n
		case 2:
			p.functions[id] = n
		}
		return nil
	})
}

var errProfile = errors.New("not in pprof's format")

// fields walks over the fields of a protocol buffer: numbers, and bytes.
func fields(raw []byte, f func(field int, n uint64, b []byte) error) error {
	for len(raw) > 0 {
		key, used := binary.Uvarint(raw)
		if used <= 0 {
			return errProfile
		}
		raw = raw[used:]
		n, used := binary.Uvarint(raw)
		if used <= 0 || key&7 != 0 && key&7 != 2 {
			return errProfile
		}
		raw = raw[used:]
		var b []byte
		if key&7 == 2 {
			if n > uint64(len(raw)) {
				return errProfile
			}
			b, raw, n = raw[:n], raw[n:], 0
		}
		if err := f(int(key>>3), n, b); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends a repeated number, packed or not.
func numbers(out []uint64, n uint64, packed []byte) ([]uint64, error) {
	if packed == nil {
		return append(out, n), nil
	}
	for len(packed) > 0 {
		one, used := binary.Uvarint(packed)
		if used <= 0 {
			return out, errProfile
		}
		out, packed = append(out, one), packed[used:]
	}
	return out, nil
}
