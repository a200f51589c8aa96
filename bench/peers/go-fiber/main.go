// The original Go design as a peer of the bench: Fiber v3, kafka-go, clickhouse-go and go-redis, with the endpoints
// POST /v1/events, POST /v1/events/batch (at most 1000 events), GET /health and GET /metrics.
//
// BENCH_SINK: none, journal (a file that answers wait for), clickhouse or kafka. BENCH_ACK: memory answers when events are
// gathered, delivered when the sink has them. REDIS_ADDR: with it, events whose id was seen are dropped (dedup.go).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v3"
)

const (
	bodyBytesMax = 20_000_000
	eventsMax    = 1000
	errorsMax    = 100
	benchKey     = "bench-key"
	appID        = "bench"
)

type server struct {
	keeper        keeper
	dedup         *dedup
	acceptedTotal atomic.Uint64
}

func main() {
	keep, err := openKeeper(os.Getenv("BENCH_SINK"), os.Getenv("BENCH_ACK"))
	exitOn(err)
	s := &server{keeper: keep, dedup: openDedup(os.Getenv("REDIS_ADDR"))}

	app := fiber.New(fiber.Config{BodyLimit: bodyBytesMax})
	app.Get("/health", func(c fiber.Ctx) error { return c.JSON(fiber.Map{"status": "ok"}) })
	app.Get("/metrics", func(c fiber.Ctx) error {
		return c.SendString(fmt.Sprintf("bench_events_accepted_total %d\n", s.acceptedTotal.Load()))
	})
	app.Post("/v1/events", s.takeOne)
	app.Post("/v1/events/batch", s.takeBatch)

	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	exitOn(err)
	line, _ := json.Marshal(map[string][]string{"listen": {"http://" + listener.Addr().String()}})
	fmt.Println(string(line))

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-stop
		_ = app.Shutdown()
	}()
	exitOn(app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}))
	s.keeper.close()
}

func exitOn(err error) {
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "go-fiber:", err)
	os.Exit(1)
}

type eventFault struct {
	Index int    `json:"index"`
	Code  string `json:"code"`
	Field string `json:"field"`
}

func (s *server) takeOne(c fiber.Ctx) error {
	if c.Get("X-Api-Key") != benchKey {
		return unauthorized(c)
	}
	var event event
	if err := json.Unmarshal(c.Body(), &event); err != nil {
		return c.Status(400).JSON(fiber.Map{"code": "invalid_json"})
	}
	origin := originOf(c)
	if fault := event.complete(origin); fault != nil {
		return c.Status(400).JSON(fault)
	}
	if err := s.keep(c.Context(), []row{event.row()}); err != nil {
		return overloaded(c)
	}
	return c.JSON(fiber.Map{"status": "accepted", "event_id": event.EventID})
}

func (s *server) takeBatch(c fiber.Ctx) error {
	if c.Get("X-Api-Key") != benchKey {
		return unauthorized(c)
	}
	// Body decompresses what is declared as gzip.
	var raw []json.RawMessage
	if err := json.Unmarshal(c.Body(), &raw); err != nil {
		return c.Status(400).JSON(fiber.Map{"code": "invalid_json"})
	}
	if len(raw) == 0 || len(raw) > eventsMax {
		return c.Status(400).JSON(fiber.Map{"code": "batch_too_large"})
	}
	origin := originOf(c)
	events := make([]row, 0, len(raw))
	faults := []eventFault{}
	for index, text := range raw {
		var event event
		fault := &eventFault{Code: "invalid_type"}
		if json.Unmarshal(text, &event) == nil {
			fault = event.complete(origin)
		}
		if fault == nil {
			events = append(events, event.row())
		} else if len(faults) < errorsMax {
			fault.Index = index
			faults = append(faults, *fault)
		}
	}
	accepted := len(events)
	if accepted == 0 {
		return c.Status(400).JSON(fiber.Map{"status": "rejected", "accepted": 0, "rejected": len(raw), "errors": faults})
	}
	if err := s.keep(c.Context(), events); err != nil {
		return overloaded(c)
	}
	status := "accepted"
	if accepted < len(raw) {
		status = "partial"
	}
	return c.JSON(fiber.Map{"status": status, "accepted": accepted, "rejected": len(raw) - accepted, "errors": faults})
}

func (s *server) keep(ctx context.Context, events []row) error {
	fresh, err := s.dedup.filter(ctx, events)
	if err != nil {
		return err
	}
	if err := s.keeper.keep(fresh); err != nil {
		return err
	}
	s.acceptedTotal.Add(uint64(len(fresh)))
	return nil
}

func originOf(c fiber.Ctx) origin {
	// Fiber reuses the memory of a request: what outlives it is cloned.
	return origin{
		ip:         strings.Clone(c.IP()),
		userAgent:  strings.Clone(c.Get("User-Agent")),
		receivedAt: time.Now().UTC(),
	}
}

func unauthorized(c fiber.Ctx) error {
	return c.Status(401).JSON(fiber.Map{"code": "unauthorized"})
}

func overloaded(c fiber.Ctx) error {
	c.Set("Retry-After", "1")
	return c.Status(503).JSON(fiber.Map{"code": "overloaded"})
}
