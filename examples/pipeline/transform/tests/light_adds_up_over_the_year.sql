-- Wherever one is, the sun is up for about half of the year: what winter takes, summer gives back.
select city, avg(hours) as mean_hours
from {{ ref('days') }}
group by city
having avg(hours) not between 12 and 13
