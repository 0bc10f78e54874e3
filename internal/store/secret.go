package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
)

// Secret is a random key that the store keeps under a name, made when it is
// first asked for. It stands in, on a developer's own machine, for keys that the
// environment does not give.
func (s *Store) Secret(ctx context.Context, name string) (string, error) {
	var fresh [24]byte
	rand.Read(fresh[:])
	key := "secret_" + name
	var secret string
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, key, hex.EncodeToString(fresh[:])); err != nil {
			return err
		}
		var err error
		secret, err = s.meta(ctx, tx, key)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("keep a secret: %w", err)
	}
	return secret, nil
}
