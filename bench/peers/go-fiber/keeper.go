package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// Where rows are kept. keep returns when a request may be answered.
type keeper interface {
	keep(rows []row) error
	close()
}

type nowhere struct{}

func (nowhere) keep([]row) error { return nil }
func (nowhere) close()           {}

// Rows of one flush, and rows that may wait in memory: beyond it requests wait.
const (
	flushRowsMax   = 100_000
	waitingRowsMax = 400_000
	retryDelay     = 100 * time.Millisecond
	triesMax       = 20
)

func openKeeper(sink, ack string) (keeper, error) {
	isDelivered := ack == "delivered"
	switch sink {
	case "", "none":
		return nowhere{}, nil
	case "journal":
		send, err := openFile(os.Getenv("BENCH_FOLDER"))
		return newGather(send, true, 0), err
	case "clickhouse":
		send, err := openClickHouse(os.Getenv("CLICKHOUSE_URL"), os.Getenv("CLICKHOUSE_DATABASE"))
		// Shorter where answers wait for it.
		interval := time.Second
		if isDelivered {
			interval = 100 * time.Millisecond
		}
		return newGather(send, isDelivered, interval), err
	case "kafka":
		send, err := openKafka(os.Getenv("KAFKA_BROKERS"), os.Getenv("KAFKA_TOPIC"))
		return newGather(send, isDelivered, 50*time.Millisecond), err
	}
	return nil, fmt.Errorf("no sink is called %s", sink)
}

// Gathers rows of many requests and sends them in one, one send at a time.
type gather struct {
	send        func(rows []row) error
	isDelivered bool
	interval    time.Duration

	mutex    sync.Mutex
	changed  *sync.Cond
	rows     []row
	since    time.Time
	added    uint64
	kept     uint64
	isClosed bool
	done     chan struct{}
}

func newGather(send func(rows []row) error, isDelivered bool, interval time.Duration) *gather {
	g := &gather{send: send, isDelivered: isDelivered, interval: interval, done: make(chan struct{})}
	g.changed = sync.NewCond(&g.mutex)
	go g.run()
	return g
}

func (g *gather) keep(rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for len(g.rows) > waitingRowsMax && !g.isClosed {
		g.changed.Wait()
	}
	if g.isClosed {
		return errors.New("closed")
	}
	if len(g.rows) == 0 {
		g.since = time.Now()
	}
	g.rows = append(g.rows, rows...)
	g.added += uint64(len(rows))
	last := g.added
	g.changed.Broadcast()
	for g.isDelivered && g.kept < last {
		g.changed.Wait()
	}
	return nil
}

func (g *gather) close() {
	g.mutex.Lock()
	g.isClosed = true
	g.changed.Broadcast()
	g.mutex.Unlock()
	<-g.done
}

func (g *gather) run() {
	defer close(g.done)
	for {
		rows := g.next()
		if rows == nil {
			return
		}
		for tries := 1; ; tries++ {
			err := g.send(rows)
			if err == nil {
				break
			}
			fmt.Fprintln(os.Stderr, "go-fiber:", err)
			if tries == triesMax {
				// A bench of a peer that cannot send measures nothing.
				os.Exit(1)
			}
			time.Sleep(retryDelay)
		}
		g.mutex.Lock()
		g.kept += uint64(len(rows))
		g.changed.Broadcast()
		g.mutex.Unlock()
	}
}

// Waits until a flush is due; nil at the end.
func (g *gather) next() []row {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for len(g.rows) == 0 {
		if g.isClosed {
			return nil
		}
		g.changed.Wait()
	}
	for wait := g.interval - time.Since(g.since); wait > 0 && len(g.rows) < flushRowsMax && !g.isClosed; wait = g.interval - time.Since(g.since) {
		g.mutex.Unlock()
		time.Sleep(min(wait, 10*time.Millisecond))
		g.mutex.Lock()
	}
	count := min(len(g.rows), flushRowsMax)
	rows := g.rows[:count:count]
	g.rows = g.rows[count:]
	g.since = time.Now()
	return rows
}
