package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

var clickhouseColumns = []struct {
	name string
	kind column.Type
}{
	{"event_id", "String"}, {"event_type", "LowCardinality(String)"}, {"app_id", "LowCardinality(String)"},
	{"device_id", "String"}, {"user_id", "String"}, {"session_id", "String"}, {"timestamp", "DateTime64(3, 'UTC')"},
	{"platform", "LowCardinality(String)"}, {"os_version", "LowCardinality(String)"},
	{"app_version", "LowCardinality(String)"}, {"attribution", "JSON"}, {"event_data", "JSON"}, {"context", "JSON"},
	{"ip", "String"}, {"user_agent", "String"}, {"received_at", "DateTime64(3, 'UTC')"},
	{"dialect", "LowCardinality(String)"}, {"transport", "LowCardinality(String)"},
}

// Native blocks of clickhouse-go as bodies of HTTP inserts; objects go as text, which the columns of type JSON parse. Its
// connection is left out: that one reads answers in the revision it asked for, and the store of the bench has one only.
func openClickHouse(address, database string) (func(rows []row) error, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	query := url.Values{"database": {database}, "query": {"INSERT INTO events FORMAT Native"}}
	target := url.URL{Scheme: at.Scheme, Host: at.Host, Path: "/", RawQuery: query.Encode()}
	return func(rows []row) error {
		body, err := encodeBlock(rows)
		if err != nil {
			return err
		}
		request, err := http.NewRequest(http.MethodPost, target.String(), bytes.NewReader(body))
		if err != nil {
			return err
		}
		if at.User != nil {
			password, _ := at.User.Password()
			request.Header.Set("X-ClickHouse-User", at.User.Username())
			request.Header.Set("X-ClickHouse-Key", password)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err == nil && answer.StatusCode != http.StatusOK {
			err = fmt.Errorf("ClickHouse answered %d: %.300s", answer.StatusCode, text)
		}
		return err
	}, nil
}

func encodeBlock(rows []row) ([]byte, error) {
	block := proto.NewBlock()
	for _, one := range clickhouseColumns {
		if err := block.AddColumn(one.name, one.kind); err != nil {
			return nil, err
		}
	}
	for index := range rows {
		r := &rows[index]
		err := block.Append(r.EventID, r.EventType, r.AppID, r.DeviceID, r.UserID, r.SessionID, r.Timestamp, r.Platform,
			r.OSVersion, r.AppVersion, string(r.Attribution), string(r.EventData), string(r.Context), r.IP, r.UserAgent,
			r.ReceivedAt, r.Dialect, r.Transport)
		if err != nil {
			return nil, err
		}
	}
	var buffer chproto.Buffer
	// Over HTTP blocks are of revision 0.
	err := block.Encode(&buffer, 0)
	return buffer.Buf, err
}
