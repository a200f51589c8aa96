package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/segmentio/kafka-go"
)

// Appends lines to a file; what is answered was written.
func openFile(folder string) (func(rows []row) error, error) {
	path := filepath.Join(folder, fmt.Sprintf("%d.ndjson", os.Getpid()))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	var lines bytes.Buffer
	return func(rows []row) error {
		lines.Reset()
		encoder := json.NewEncoder(&lines)
		for index := range rows {
			if err := encoder.Encode(&rows[index]); err != nil {
				return err
			}
		}
		_, err := file.Write(lines.Bytes())
		return err
	}, err
}

// clickhouse-go over HTTP, in Native blocks; objects go as text, which the columns of type JSON parse.
func openClickHouse(address, database string) (func(rows []row) error, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	password, _ := at.User.Password()
	user := at.User.Username()
	if user == "" {
		user = "default"
	}
	connection, err := clickhouse.Open(&clickhouse.Options{
		Protocol: clickhouse.HTTP,
		Addr:     []string{at.Host},
		Auth:     clickhouse.Auth{Database: database, Username: user, Password: password},
	})
	if err != nil {
		return nil, err
	}
	return func(rows []row) error {
		batch, err := connection.PrepareBatch(context.Background(), `INSERT INTO events (event_id, event_type, app_id,
			device_id, user_id, session_id, timestamp, platform, os_version, app_version, attribution, event_data, context,
			ip, user_agent, received_at, dialect, transport)`)
		if err != nil {
			return err
		}
		for index := range rows {
			r := &rows[index]
			err = batch.Append(r.EventID, r.EventType, r.AppID, r.DeviceID, r.UserID, r.SessionID, r.Timestamp, r.Platform,
				r.OSVersion, r.AppVersion, string(r.Attribution), string(r.EventData), string(r.Context), r.IP, r.UserAgent,
				r.ReceivedAt, r.Dialect, r.Transport)
			if err != nil {
				return err
			}
		}
		return batch.Send()
	}, nil
}

func openKafka(brokers, topic string) (func(rows []row) error, error) {
	writer := &kafka.Writer{
		Addr:         kafka.TCP(strings.Split(brokers, ",")...),
		Topic:        topic,
		Balancer:     kafka.Murmur2Balancer{},
		RequiredAcks: kafka.RequireAll,
		// The rows were gathered: the writer need not wait for more.
		BatchSize:    10_000,
		BatchBytes:   1_000_000,
		BatchTimeout: 1,
	}
	return func(rows []row) error {
		messages := make([]kafka.Message, len(rows))
		for index := range rows {
			value, err := json.Marshal(&rows[index])
			if err != nil {
				return err
			}
			key := rows[index].DeviceID
			if key == "" {
				key = rows[index].UserID
			}
			messages[index] = kafka.Message{
				Key:     []byte(key),
				Value:   value,
				Headers: []kafka.Header{{Key: "event_id", Value: []byte(rows[index].EventID)}},
			}
		}
		return writer.WriteMessages(context.Background(), messages...)
	}, nil
}
