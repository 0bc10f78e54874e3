package campaign

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
)

// Draw is a customer's stable lot in 0…1 for a purpose: the same parts give the
// same lot on every machine and at every time.
func Draw(parts ...string) float64 {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11) / (1 << 53)
}

// HeldOut tells whether a customer belongs to a campaign's holdout. seed is the
// campaign's first name, which a rename keeps.
func HeldOut(share Share, workspace, seed, customer string) bool {
	return Draw("holdout", workspace, seed, customer) < float64(share)
}

// PickArm is the arm of a branch that a customer's pass takes by draw, among
// those with a share: the position of the first arm whose cumulated share lies
// above the lot, or -1.
func PickArm(arms []Arm, campaignSeed, step, customer string) int {
	lot := Draw("branch", campaignSeed, step, customer)
	sum := 0.0
	for i, a := range arms {
		if a.Share == 0 {
			continue
		}
		sum += float64(a.Share)
		if lot < sum {
			return i
		}
	}
	return -1
}
