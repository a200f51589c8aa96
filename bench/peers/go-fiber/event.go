package main

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// What a client sends; fields that no column has are dropped, as encoding/json does.
type event struct {
	EventID     string          `json:"event_id"`
	EventType   string          `json:"event_type"`
	DeviceID    string          `json:"device_id"`
	UserID      string          `json:"user_id"`
	SessionID   string          `json:"session_id"`
	Timestamp   json.RawMessage `json:"timestamp"`
	Platform    string          `json:"platform"`
	OSVersion   string          `json:"os_version"`
	AppVersion  string          `json:"app_version"`
	Attribution json.RawMessage `json:"attribution"`
	EventData   json.RawMessage `json:"event_data"`
	Context     json.RawMessage `json:"context"`

	at     time.Time
	origin origin
}

// What every event of a request shares.
type origin struct {
	ip         string
	userAgent  string
	receivedAt time.Time
}

// A row of the events table, and its JSON for a file or a topic.
type row struct {
	EventID     string          `json:"event_id"`
	EventType   string          `json:"event_type"`
	AppID       string          `json:"app_id"`
	DeviceID    string          `json:"device_id"`
	UserID      string          `json:"user_id"`
	SessionID   string          `json:"session_id"`
	Timestamp   time.Time       `json:"timestamp"`
	Platform    string          `json:"platform"`
	OSVersion   string          `json:"os_version"`
	AppVersion  string          `json:"app_version"`
	Attribution json.RawMessage `json:"attribution"`
	EventData   json.RawMessage `json:"event_data"`
	Context     json.RawMessage `json:"context"`
	IP          string          `json:"ip"`
	UserAgent   string          `json:"user_agent"`
	ReceivedAt  time.Time       `json:"received_at"`
	Dialect     string          `json:"dialect"`
	Transport   string          `json:"transport"`
}

var (
	emptyObject = json.RawMessage("{}")
	year2000    = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	year2100    = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Fills in what is missing; gives the first fault.
func (e *event) complete(from origin) *eventFault {
	e.origin = from
	if e.EventType == "" {
		return &eventFault{Code: "missing_field", Field: "event_type"}
	}
	if e.DeviceID == "" && e.UserID == "" {
		return &eventFault{Code: "missing_field", Field: "device_id"}
	}
	for _, text := range []struct {
		field  string
		value  string
		length int
	}{
		{"event_id", e.EventID, 128}, {"event_type", e.EventType, 128}, {"device_id", e.DeviceID, 256},
		{"user_id", e.UserID, 256}, {"session_id", e.SessionID, 256}, {"platform", e.Platform, 64},
		{"os_version", e.OSVersion, 64}, {"app_version", e.AppVersion, 64},
	} {
		if len(text.value) > text.length {
			return &eventFault{Code: "invalid_length", Field: text.field}
		}
	}
	if e.EventID == "" {
		e.EventID = uuid.Must(uuid.NewV7()).String()
	}
	for _, object := range []struct {
		field string
		value *json.RawMessage
	}{{"attribution", &e.Attribution}, {"event_data", &e.EventData}, {"context", &e.Context}} {
		if len(*object.value) == 0 || string(*object.value) == "null" {
			*object.value = emptyObject
		} else if (*object.value)[0] != '{' {
			return &eventFault{Code: "invalid_type", Field: object.field}
		}
	}
	at, ok := timeOf(e.Timestamp, from.receivedAt)
	if !ok {
		return &eventFault{Code: "invalid_timestamp", Field: "timestamp"}
	}
	if at.Before(year2000) || !at.Before(year2100) {
		return &eventFault{Code: "timestamp_out_of_range", Field: "timestamp"}
	}
	e.at = at
	return nil
}

func (e *event) row() row {
	return row{
		e.EventID, e.EventType, appID, e.DeviceID, e.UserID, e.SessionID, e.at, e.Platform, e.OSVersion, e.AppVersion,
		e.Attribution, e.EventData, e.Context, e.origin.ip, e.origin.userAgent, e.origin.receivedAt, "penstock", "http",
	}
}

// Seconds, milliseconds, microseconds or nanoseconds by magnitude, or RFC 3339; absent: when it was received.
func timeOf(raw json.RawMessage, receivedAt time.Time) (time.Time, bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return receivedAt, true
	}
	if raw[0] == '"' {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return time.Time{}, false
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		return at.UTC(), err == nil
	}
	number, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return time.Time{}, false
	}
	switch {
	case number < 1e11:
		return time.UnixMilli(int64(number * 1e3)).UTC(), true
	case number < 1e14:
		return time.UnixMilli(int64(number)).UTC(), true
	case number < 1e17:
		return time.UnixMicro(int64(number)).UTC(), true
	}
	return time.Unix(0, int64(number)).UTC(), true
}
