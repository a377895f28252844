import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Keep the takings of every business day in a database, exactly once, from pos.transactions.
 *
 * <p>The position in the log and the sums are written in one JDBC transaction: whenever the
 * program is killed, it goes on where the sums are.
 */
public final class Takings {
    private static final String TOPIC = "pos.transactions";

    private final Connection database;
    private final Map<Integer, Schema> schemas = new HashMap<>();

    private Takings(String path, Path folder) throws Exception {
        database = DriverManager.getConnection("jdbc:sqlite:" + path);
        try (var statement = database.createStatement()) {
            statement.execute("create table if not exists position ("
                    + "part integer primary key, next integer)");
            statement.execute("create table if not exists takings ("
                    + "account text, day text, currency text, total integer, "
                    + "transactions integer, primary key (account, day, currency))");
        }
        database.setAutoCommit(false);
        // Schemas by the id in front of each record; a registry would answer the same.
        var ids = new ObjectMapper().readTree(folder.resolve("ids.json").toFile());
        for (var entry : ids.properties()) {
            var file = folder.resolve(entry.getValue().asText());
            schemas.put(Integer.valueOf(entry.getKey()),
                    new Schema.Parser().parse(Files.readString(file)));
        }
    }

    /** Decode Confluent's framing: a zero byte, four bytes of schema id, Avro. */
    private GenericRecord read(byte[] value) throws Exception {
        var schema = schemas.get(ByteBuffer.wrap(value, 1, 4).getInt());
        var body = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
        return new GenericDatumReader<GenericRecord>(schema).read(null, body);
    }

    /** Add a transaction as it is (sign 1), or take back what it was (sign -1). */
    private void count(GenericRecord transaction, int sign) throws SQLException {
        if (transaction == null
                || !"completed".equals(transaction.get("status").toString())
                || "void".equals(transaction.get("kind").toString())) {
            return;
        }
        var totals = (GenericRecord) transaction.get("totals");
        var day = LocalDate.ofEpochDay((Integer) transaction.get("business_day"));
        try (var add = database.prepareStatement("insert into takings values (?, ?, ?, ?, ?)"
                + " on conflict do update set total = total + excluded.total,"
                + " transactions = transactions + excluded.transactions")) {
            add.setString(1, transaction.get("account_id").toString());
            add.setString(2, day.toString());
            add.setString(3, transaction.get("currency").toString());
            add.setLong(4, sign * (Long) totals.get("total"));
            add.setLong(5, sign);
            add.executeUpdate();
        }
    }

    /** Write sums and position together, or neither. */
    private void take(Iterable<ConsumerRecord<String, byte[]>> records) throws Exception {
        try {
            for (var record : records) {
                var change = read(record.value());
                count((GenericRecord) change.get("before"), -1);
                count((GenericRecord) change.get("after"), 1);
                try (var move = database.prepareStatement(
                        "insert or replace into position values (?, ?)")) {
                    move.setInt(1, record.partition());
                    move.setLong(2, record.offset() + 1);
                    move.executeUpdate();
                }
            }
            database.commit();
        } catch (Exception error) {
            database.rollback();
            throw error;
        }
    }

    private Map<Integer, Long> positions() throws SQLException {
        var known = new HashMap<Integer, Long>();
        try (var statement = database.createStatement();
                var rows = statement.executeQuery("select part, next from position")) {
            while (rows.next()) {
                known.put(rows.getInt(1), rows.getLong(2));
            }
        }
        database.commit();
        return known;
    }

    /** Follow the topic for ever, or until nothing has come for `idle`. */
    private void follow(String brokers, Duration idle) throws Exception {
        var settings = new Properties();
        settings.put("bootstrap.servers", brokers);
        // Without this, changes of transactions that are taken back would be counted.
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "100");
        try (var consumer = new KafkaConsumer<>(
                settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            var partitions = consumer.partitionsFor(TOPIC).stream()
                    .map(it -> new TopicPartition(TOPIC, it.partition())).toList();
            consumer.assign(partitions);
            var known = positions();
            partitions.forEach(it -> consumer.seek(it, known.getOrDefault(it.partition(), 0L)));
            var wait = idle == null ? Duration.ofSeconds(1) : idle;
            while (true) {
                var records = consumer.poll(wait);
                if (idle != null && records.isEmpty()) {
                    return;
                }
                take(records);
            }
        }
    }

    /** Arguments: brokers, database file, folder of the schemas, and seconds until it stops. */
    public static void main(String[] arguments) throws Exception {
        var idle = arguments.length > 3
                ? Duration.ofSeconds(Long.parseLong(arguments[3])) : null;
        var takings = new Takings(arguments[1], Path.of(arguments[2]));
        takings.follow(arguments[0], idle);
        takings.database.close();
    }
}
