package awsapi

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"fargate-queue-worker/sandbox/cloud"
)

func md5OfBody(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is the checksum of attributes, "" without any: of their names in
// order, each with its type and value, the length before each. Source: developer guide,
// "Calculating the MD5 message digest for message attributes".
func md5OfAttributes(attributes map[string]cloud.MessageAttribute) string {
	if len(attributes) == 0 {
		return ""
	}
	const text, bytes = 1, 2
	var encoded []byte
	add := func(part string) {
		encoded = binary.BigEndian.AppendUint32(encoded, uint32(len(part)))
		encoded = append(encoded, part...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		attribute := attributes[name]
		add(name)
		add(attribute.DataType)
		if strings.HasPrefix(attribute.DataType, "Binary") {
			encoded = append(encoded, bytes)
			add(string(attribute.BinaryValue))
		} else {
			encoded = append(encoded, text)
			add(attribute.StringValue)
		}
	}
	return md5OfBody(string(encoded))
}
