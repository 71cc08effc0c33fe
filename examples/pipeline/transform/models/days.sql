-- One row for each city and day, with all that is asked for in business terms.
with days as (
    select
        city,
        cast(day as date) as day,
        cast(daylight_minutes as integer) as minutes,
        cast(noon_elevation as double) as noon_elevation,
        -- A column that the source gets is published, too.
        * exclude (city, day, daylight_minutes, noon_elevation)
    from {{ source('raw', 'daylight') }}
)

select
    days.city,
    cities.country,
    cast(cities.latitude as double) as latitude,
    days.day,
    cast(extract(month from days.day) as integer) as month,
    days.minutes / 60.0 as hours,
    days.noon_elevation,
    case days.minutes when 0 then 'polar night' when 1440 then 'midnight sun' else 'day and night' end as light,
    days.* exclude (city, day, minutes, noon_elevation)
from days
inner join {{ source('raw', 'cities') }} as cities on days.city = cities.city
