package main

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// How long an id is remembered, as Penstock does by default.
const dedupWindow = 10 * time.Minute

// Drops events whose id was seen: one SET NX an event, all of a request in one pipeline. Nil drops nothing.
type dedup struct{ client *redis.Client }

func openDedup(address string) *dedup {
	if address == "" {
		return nil
	}
	return &dedup{redis.NewClient(&redis.Options{Addr: address})}
}

func (d *dedup) filter(ctx context.Context, rows []row) ([]row, error) {
	if d == nil {
		return rows, nil
	}
	pipeline := d.client.Pipeline()
	answers := make([]*redis.BoolCmd, len(rows))
	for index := range rows {
		answers[index] = pipeline.SetNX(ctx, appID+":"+rows[index].EventID, 1, dedupWindow)
	}
	if _, err := pipeline.Exec(ctx); err != nil {
		return nil, err
	}
	fresh := rows[:0]
	for index, answer := range answers {
		if answer.Val() {
			fresh = append(fresh, rows[index])
		}
	}
	return fresh, nil
}
