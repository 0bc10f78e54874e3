package store

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/stdlib"

	"tidings/internal/audience"
)

// channel is where processes tell each other that facts came in.
const channel = "tidings_facts"

// notify tells the store's schedulers, in this process and in others, once the
// transaction commits, that there is something to look at. SQLite has one
// process, which is told without it.
func (s *Store) notify(ctx context.Context, tx *sql.Tx) error {
	if s.engine == audience.SQLite {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT pg_notify($1, $2)`, channel, s.id)
	return err
}

// Listen calls wake whenever a process, this one or another, has taken facts in,
// until ctx ends.
// While the connection is lost nobody is woken; the cron tick finds it all.
func (s *Store) Listen(ctx context.Context, wake func(), log *slog.Logger) {
	if s.engine == audience.SQLite {
		return
	}
	for ctx.Err() == nil {
		err := s.listen(ctx, wake)
		if ctx.Err() != nil {
			return
		}
		log.Warn("not listening for facts; trying again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
	}
}

func (s *Store) listen(ctx context.Context, wake func()) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(driver any) error {
		pg := driver.(*stdlib.Conn).Conn()
		if _, err := pg.Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		// Whatever is read of it afterwards is another's: the connection goes.
		defer pg.Close(context.WithoutCancel(ctx))
		for {
			n, err := pg.WaitForNotification(ctx)
			if err != nil {
				return err
			}
			if n.Payload == s.id {
				wake()
			}
		}
	})
}
