package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
